"""The readers of NVML; imported when the source is opened, because they import the binding."""

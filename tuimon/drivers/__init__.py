"""Bindings to the machine: as little as we use, errors mapped, nothing interpreted."""

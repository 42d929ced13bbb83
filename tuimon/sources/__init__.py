"""What tuimon reads: a file or folder for each source, with the table of its metrics."""

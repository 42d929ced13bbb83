"""Widgets: each shows the rows of one panel."""

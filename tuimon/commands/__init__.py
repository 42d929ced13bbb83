"""Subcommands: each file wires the engine to one surface, and imports what it needs when called."""

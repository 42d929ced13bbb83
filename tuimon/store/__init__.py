"""What is kept: rates, rings in memory, recordings on disk."""

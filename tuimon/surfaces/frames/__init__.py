"""The frame model: pure functions that draw every panel as rows of text and style names."""

"""The live screen, in Textual. Frames in, strips out; a widget never sees a source."""

"""The nouns of tuimon: frozen values that travel between its parts."""

"""Screens: they compose panels and hand them States."""

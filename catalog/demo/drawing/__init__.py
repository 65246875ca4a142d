"""Draw the background, the objects and the text of a demo cover."""

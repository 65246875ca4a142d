"""Draw a demo cover: background, objects, type."""

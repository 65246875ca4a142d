"""Image files as bytes, never decoded: the format, what decoding costs, and whether the end is missing."""

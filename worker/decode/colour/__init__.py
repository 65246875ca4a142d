"""Converts colours to sRGB from a file's own colour space, which is defined by an ICC profile or by codes."""

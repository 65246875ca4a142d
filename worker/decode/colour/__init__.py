"""Converts colours to sRGB from a file's own colour space, which an ICC profile or colour codes define."""

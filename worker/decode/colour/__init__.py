"""Converts colours to sRGB from a file's own colour space, which a profile or codes define."""

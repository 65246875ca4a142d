"""Colours: from a file's own colour space, described by a profile or by code points, to sRGB."""

"""Image files that are made to be slow to decode, and the decoding time of the files that are accepted.

Each family is one way to make a file slow to decode. `measurement.py` finds the slowest file of each family
that the gateway accepts, and measures the CPU time of decoding this file. docs/security.md shows the slowest
file of each format.
"""

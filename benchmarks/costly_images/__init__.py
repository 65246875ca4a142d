"""Files made to be slow to decode, and the decoding time of those that the gateway accepts.

Each family is one way to make a file expensive; `search` finds the most expensive of each that the gateway
accepts, and the CPU time of decoding it. docs/security.md shows the most expensive one of each format.
"""

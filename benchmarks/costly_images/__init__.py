"""Files that are made to take long to decode, and how long those take that are accepted.

Each family is one way to make a file expensive; `search` finds the most expensive of each that the gateway
accepts, and what a decoder spends on it. docs/security.md shows the most expensive one of each format.
"""

"""Counts albums by genre, decade, score band, best new music and main colour, for any filters.

The columns that the counts need are read from the catalog once for each version of the catalog and kept in
memory, where counting 150,000 albums takes a few milliseconds. SQL would take 80 to 220 ms for each set of
filters (docs/decisions/0031-facets-from-columns-in-memory.md).
"""

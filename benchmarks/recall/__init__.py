"""How good and how fast filtered search is: against an exact scan, over made-up catalogs of two sizes."""

"""How fast covers get into a catalog, and what searches notice of it."""

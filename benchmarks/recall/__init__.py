"""The recall and speed of filtered search, compared with an exact scan, on two synthetic catalogs."""

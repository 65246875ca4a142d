"""The schema of the catalog's database: its migrations and the HNSW index."""

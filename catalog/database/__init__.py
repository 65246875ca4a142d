"""Apply the migrations of the catalog's database, and build its HNSW index."""

"""The Redis cache of results, embeddings and rankings."""

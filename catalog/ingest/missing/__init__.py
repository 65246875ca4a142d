"""Makes what the albums of a catalog lack: embeddings, palettes, thumbnails and prints."""

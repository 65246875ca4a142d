"""Makes what the albums of a catalog lack: embeddings, palettes and thumbnails."""

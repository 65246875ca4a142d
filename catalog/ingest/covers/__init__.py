"""Read covers: files of a folder, or URLs."""

"""Read covers from the files of a folder or from URLs."""

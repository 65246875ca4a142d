"""Where the covers are: files of one folder, or URLs, which are fetched."""

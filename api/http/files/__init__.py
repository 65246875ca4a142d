"""Serves files: the web page and thumbnails."""

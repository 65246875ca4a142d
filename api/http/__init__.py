"""HTTP itself: connections, bodies, files, headers."""

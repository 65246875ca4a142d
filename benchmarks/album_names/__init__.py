"""The speed and recall of finding albums by artist and title, with invented names."""

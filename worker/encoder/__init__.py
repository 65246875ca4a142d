"""The encoders, which turn images and texts into 512-dimensional unit vectors, behind one protocol."""

"""Encoders: images and texts become unit vectors of 512 numbers, behind one protocol."""

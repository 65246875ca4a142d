"""Decoding: an uploaded file becomes the square of RGB pixels that the model takes."""

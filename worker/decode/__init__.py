"""Decodes an uploaded file to the square of RGB pixels that is the model's input."""

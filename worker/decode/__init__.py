"""Decodes an uploaded file to the model's input, a square of RGB pixels."""

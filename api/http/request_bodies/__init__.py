"""Reads and checks request bodies: uploaded images and JSON."""

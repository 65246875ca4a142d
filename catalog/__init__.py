"""Operators load, check and maintain the album catalog here."""

"""What an image file is, read from its header and markers without decoding: its size, its cost, its end."""

"""What an uploaded file is, told from its bytes without decoding: its format, or why it is refused."""

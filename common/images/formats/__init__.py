"""Detection of an uploaded file's format from its bytes, and the reasons for refusing a file."""

"""The errors that only HTTP requests cause, and the responses to failed requests."""

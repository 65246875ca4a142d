"""The errors of the HTTP layer, and the responses to failed requests."""

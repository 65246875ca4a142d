"""Training data: covers, captions, simulated photographs, and the split by artist."""

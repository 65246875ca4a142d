"""Benchmarks that compare the encoder's speed with transformers and with the processor's limit."""

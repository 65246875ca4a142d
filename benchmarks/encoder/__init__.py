"""The speed of the encoder compared with transformers and with the processor's limit."""

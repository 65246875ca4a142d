"""How fast the encoder is beside transformers and beside the processor's own limit."""

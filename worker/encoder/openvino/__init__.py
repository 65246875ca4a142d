"""CLIP on the CPU: its graphs, their export and its cache, and the encoder that runs them."""

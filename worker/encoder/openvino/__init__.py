"""The OpenVINO encoder for CPUs: CLIP's graphs, the export cache, and the encoder that runs the graphs."""

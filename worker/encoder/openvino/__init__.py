"""The OpenVINO encoder for CPUs: builds CLIP's graphs, caches the exported graphs, and runs them."""

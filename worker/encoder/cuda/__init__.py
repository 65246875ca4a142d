"""The encoder for NVIDIA GPUs: CLIP's towers in torch, and CUDA graphs of their forward passes."""

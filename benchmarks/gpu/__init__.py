"""Benchmarks of a worker with an NVIDIA GPU: `make gpu`."""

"""Estimates of the CPU time for decoding an image file, made from its header and markers before decoding."""

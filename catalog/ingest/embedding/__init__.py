"""Embed covers on this machine or on the running workers."""

"""The album catalog: one small protocol and its two implementations."""

"""The fault matrix: each part of a real stack is broken for real, and the promise is audited afterwards."""

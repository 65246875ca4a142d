"""The fault matrix: each part of a real stack is really broken, and the guarantees are audited afterwards."""

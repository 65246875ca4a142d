"""The fault matrix: each fault breaks a part of a running service, then the guarantees are checked."""

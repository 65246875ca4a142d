"""The soak: mixed load at half capacity with random worker restarts, and the growth of resources."""

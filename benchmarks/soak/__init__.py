"""The soak: mixed load at half capacity while workers are restarted at random, and what grew meanwhile."""

"""The soak test: measures the growth of resources under mixed load with random worker restarts."""

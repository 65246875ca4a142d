"""One connection: where requests end, in which order they start, what is refused."""

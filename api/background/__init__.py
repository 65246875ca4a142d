"""What a gateway does besides answering: it listens, sweeps, and warns of weak configurations."""

"""Background tasks of a gateway: event subscription, ledger sweeps, warnings about configuration."""

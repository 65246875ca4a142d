"""A search run in a worker, from the message that names it to its end in the ledger."""

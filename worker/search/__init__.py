"""Executes search runs in a worker, from the Celery message of a run to its outcome in the ledger."""

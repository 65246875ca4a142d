"""The job ledger in Redis: the only record of each job's state; Celery only carries run ids."""

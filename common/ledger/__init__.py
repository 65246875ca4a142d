"""The job ledger in Redis: the truth about every job; Celery only carries run ids."""

"""The job ledger in Redis, the only record of each job's state; Celery messages contain only run ids."""

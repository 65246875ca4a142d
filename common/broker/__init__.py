"""The queue that Celery carries: the app, its transport, and the messages."""

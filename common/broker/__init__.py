"""The Celery queue: the app, its Redis transport, and the messages."""

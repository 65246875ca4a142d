"""The HTTP gateway: validates requests, answers from the cache, enqueues jobs and waits for their results."""

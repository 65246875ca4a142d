"""The worker: holds the CLIP model and answers search runs from the queue."""

"""The worker process: loads the CLIP model and answers search runs from the queue."""

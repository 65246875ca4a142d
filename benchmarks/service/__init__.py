"""Benchmarks of gateway, queue and worker, compared with bare FastAPI, psql and the encoder alone."""

"""How fast gateway, queue and worker are beside bare FastAPI, psql and the encoder alone."""

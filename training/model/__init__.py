"""The models to train: architecture, tokenizer, initial weights and losses."""

"""The trained models: architecture, tokenizer, initial weights and losses."""

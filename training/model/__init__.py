"""The models that are trained: their shape, their tokenizer, their first weights, their losses."""

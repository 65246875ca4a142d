"""Fine-tune a CLIP on a table: recipe, batches, training, model card."""

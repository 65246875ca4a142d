"""Train, fine-tune and evaluate CLIP models for album covers."""

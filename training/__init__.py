"""Making, tuning and measuring CLIP models for album covers."""

"""Explains results by the contributions of the query's parts and by words that describe the covers."""

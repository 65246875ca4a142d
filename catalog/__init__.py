"""The operators' tools: load, check, maintain and re-embed the album catalog."""

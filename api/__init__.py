"""The gateway: parses, hashes, looks in the cache, joins or enqueues, waits; never decodes, never embeds."""

"""Reports of ingests in Redis, which ingests write once a second and gateways read for `/api/ingests`."""

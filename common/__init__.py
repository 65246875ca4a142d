"""Code that the gateway, the workers and the catalog tools share."""

"""What the gateway, the workers and the catalog tools agree on."""

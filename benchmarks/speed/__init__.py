"""How fast the product is, beside what users would run instead and beside the machine's own limit."""

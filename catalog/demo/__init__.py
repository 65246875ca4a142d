"""Generate demo albums and draw their covers from a random seed."""

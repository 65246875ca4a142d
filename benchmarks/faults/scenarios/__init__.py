"""The faults, one module for each part of the service that is broken."""

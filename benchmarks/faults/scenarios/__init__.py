"""The faults, one module for each broken part of the service."""

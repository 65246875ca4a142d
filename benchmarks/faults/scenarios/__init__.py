"""The faults, in one module for each part of the service that breaks."""

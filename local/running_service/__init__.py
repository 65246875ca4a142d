"""The service that runs on this machine: its API keys, and the settings with which tools use it."""

"""The version that the service tells of itself; pyproject.toml says the same."""

VERSION = "0.1.0"

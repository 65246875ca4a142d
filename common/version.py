"""The version of this project, and the only place where it stands."""

VERSION = "0.1.0"

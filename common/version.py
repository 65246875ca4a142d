"""The version of this project, which the build and the service read from this module."""

VERSION = "0.2.0"

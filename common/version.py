"""The version of this project; the build and the service read it from here."""

VERSION = "0.1.0"

"""The commands of `python -m catalog`; each module defines the arguments and the work of one command."""

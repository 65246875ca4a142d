"""The whole stack on one machine: servers, stack and demo."""

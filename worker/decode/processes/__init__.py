"""The processes that decode uploaded images, the order in which they serve clients, and their wire format."""

"""HTTP clients of the measured service, and the texts and pictures that the clients send."""

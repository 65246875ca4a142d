"""HTTP clients of the service under measurement, and the texts and pictures that they send."""

"""Child processes, and the name and output of this process."""

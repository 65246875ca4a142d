"""Child processes: started, tied to this process, supervised, stopped."""

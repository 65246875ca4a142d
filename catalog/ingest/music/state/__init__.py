"""The state file of a music library, which remembers between runs what was read, and the ids of albums."""

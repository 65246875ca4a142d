"""The commands that make, from the covers of albums, what these albums lack."""

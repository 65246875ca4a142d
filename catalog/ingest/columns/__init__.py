"""Read the columns of a table: which field each one is, and the values in its cells."""

"""Read the columns of a table: map each column to a field, and read the values in its cells."""

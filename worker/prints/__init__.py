"""Make and read the prints of covers, by which a cover is recognised in a photograph."""

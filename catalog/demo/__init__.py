"""Demo albums and covers, all drawn by this project from a seed."""

"""What every benchmark uses: the shared run, figures and targets, turns, processor use, tables."""

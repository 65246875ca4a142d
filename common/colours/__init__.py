"""The colours of covers: palettes in OKLab, the cells that the filter `color` compares, and colour names."""

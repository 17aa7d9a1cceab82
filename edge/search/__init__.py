"""The exact best of a space of combinations, and why: slates, tables, bounds, the model itself."""

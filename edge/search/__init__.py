"""Finds the exact best of a set of combinations, and says why.

`slate` is what to choose from, `model` a bundle's model in ONNX Runtime, and `pick.choose` finds
the best, by the integer tables (`tables`, `bounds`, `best`) or row by row (`rows`). Training may
use all of it; it knows nothing of the appliance. `slate` loads without numpy.
"""

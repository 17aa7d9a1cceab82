"""How good predictions are on films that a model has not seen, beside the baselines."""

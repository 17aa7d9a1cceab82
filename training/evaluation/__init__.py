"""How good predictions are on films that a model hasn't seen, compared with the baselines.

`evaluate` measures the model and the baselines on one split; `benchmark` runs five random splits
and one in time for the report; `metrics` defines the figures, `judging.losses` those that decide.
"""

from training.evaluation.methods import METHODS, MODEL, evaluate, predict_with

__all__ = ["METHODS", "MODEL", "evaluate", "predict_with"]

"""Is a new model better than the one in use? Rules that device, training and cloud share.

`compare` measures two models on the same films with intervals; `decide` turns the comparisons and
checks into a decision with reasons; `held_out` chooses ratings to hold out where no key does.
Nothing here reads a file or loads a model: callers pass predictions and stars as numpy arrays.
"""

from judging.holdout import held_out
from judging.paired import Predictions, clusters_of, compare, spent
from judging.release import decide, how_judged

__all__ = [
    "Predictions",
    "clusters_of",
    "compare",
    "decide",
    "held_out",
    "how_judged",
    "spent",
]

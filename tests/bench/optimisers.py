"""The exact search against a black-box optimiser on the same model; optional, as Optuna is."""

import runpy
from importlib.util import find_spec

from .measure import Measure, shown
from .rates import open_model

KEY = "tpe_stars_short"
# Few trials: the figure for 2,000 takes minutes, see docs/performance.md.
TRIALS = 200
EXAMPLE = "examples/compare_with_optuna.py"


def missing(_bundle):
    """Return what can't be measured here, with what would make it possible."""
    return {} if find_spec("optuna") else {KEY: "pip install optuna (.venv/bin/pip)"}


def measures(bundle):
    if missing(bundle):
        return
    compare = runpy.run_path(EXAMPLE)["compare"]
    found = {
        name: (short, taken) for name, short, _, taken in compare(open_model(bundle), TRIALS, 1)
    }
    short, taken = found["tpe"]
    yield Measure(
        KEY,
        short,
        0.0,
        0.2,
        f"TPE in {TRIALS} trials, {shown(taken)}; random {found['random'][0]:.2f} short;"
        f" exact in {shown(found['exact'][1])}",
        unit="stars",
    )

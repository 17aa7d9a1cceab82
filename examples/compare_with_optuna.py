"""The exact search against Optuna, on the same model: `examples/compare_with_optuna.py [BUNDLE]`.

Optuna isn't among Greenlight's packages: `.venv/bin/pip install optuna` first. Options: --trials,
--seeds. Takes some minutes, nearly all of them Optuna's.
"""

import argparse
import statistics
import time
from pathlib import Path

from data import signing
from data.films import combination
from edge.search.model import Model
from edge.search.pick import choose
from edge.search.slate import Slate, Years


def exact(model):
    """Return the best of all combinations in the training years, and the seconds it took."""
    slate = Slate(kinds=("film", "tv", "video", "game"), years=Years(every=True), plausible=False)
    choose(model, slate)  # reads the model's tables, once
    began = time.perf_counter()
    answer = choose(model, slate)
    return answer.picks[0].expected, answer.space.size, time.perf_counter() - began


def shortfall(model, sampler, trials, best):
    """Return how many stars an Optuna study is short of the best, and the seconds it took."""
    import optuna

    known = model.catalogue
    directors = [entry.name for entry in known.directors]
    genres = list(known.genres)

    def expected_stars(trial):
        film = combination(
            trial.suggest_categorical("director", directors),
            trial.suggest_int("year", known.training_years.first, known.training_years.last),
            [
                trial.suggest_categorical("first genre", genres),
                trial.suggest_categorical("second genre", [*genres, "None"]),
                trial.suggest_categorical("third genre", [*genres, "None"]),
            ],
        )
        return model.predict([film])[0].expected

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    began = time.perf_counter()
    study.optimize(expected_stars, n_trials=trials)
    return best - study.best_value, time.perf_counter() - began


def compare(model, trials, seeds):
    """Yield each method's name, its median shortfall in stars, each seed's, and its seconds."""
    import optuna

    best, _, seconds = exact(model)
    yield "exact", 0.0, [0.0], seconds
    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    for name, sampler in samplers.items():
        runs = [shortfall(model, sampler(seed=seed), trials, best) for seed in range(1, seeds + 1)]
        short, taken = zip(*runs, strict=True)
        yield name, statistics.median(short), sorted(short), statistics.median(taken)


def main():
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", nargs="?", type=Path, default=Path("build/bundle"))
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    try:
        import optuna  # noqa: F401 - only to say what's missing before anything is computed
    except ImportError:
        raise SystemExit("Optuna isn't here: .venv/bin/pip install optuna") from None
    model = Model.open(asked.bundle, signing.read_public_keys(signing.keys_folder()))
    best, size, _ = exact(model)
    print(f"the best of {size:,} combinations: {best:.3f} expected stars")
    print(f"{asked.trials:,} trials, median of {asked.seeds} seeds, stars short of it:")
    for name, short, each, seconds in compare(model, asked.trials, asked.seeds):
        print(
            f"{name:>8} {short:.2f}  ({each[0]:.2f} to {each[-1]:.2f}), {seconds:.3g} s", flush=True
        )


if __name__ == "__main__":
    main()

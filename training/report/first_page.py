"""The report's first page: what matters to an owner, in about ten lines."""

from __future__ import annotations

from data.domain import FILMS, Domain
from training.dataset import FilmTable
from training.evaluation.benchmark import Benchmark
from training.evaluation.methods import MODEL
from training.evaluation.picks import CHANCE, ORACLE, PickedStars
from training.export.summary import ExportSummary

_SLATE = 36
_SIMPLE = "shrunk director mean"


def lines(
    table: FilmTable, summary: ExportSummary | None, measured: Benchmark | None
) -> dict[str, str]:
    """Return the lines: a sentence or two under each heading."""
    about = table.domain
    found = {"What it learned from": _films(table)}
    if measured is not None:
        found |= _measured(measured)
    elif summary is not None:
        off = about.outcome.difference(summary.figures["rmse"])
        found["How far off it is"] = (
            f"For a film it hasn't seen, {off:.2f} stars (root mean square error)."
        )
        found["Its probabilities"] = _calibration(summary.figures["calibration"])
        if about == FILMS:
            found["Compared with other methods"] = (
                "Not measured yet: make report adds the comparisons."
            )
    unknown = "Story, actors, budget" if about == FILMS else "Whatever the table doesn't say"
    found["What it can't know"] = (
        f"{unknown} and luck: it knows only a film's {seen(about)}. "
        "The best of many is partly the one with the luckiest error."
    )
    found["What it's for"] = (
        "Choosing among combinations, by an owner who then rates "
        f"{'what was made' if about == FILMS else 'the result'}. "
        "It doesn't judge people, and isn't for decisions about their work."
    )
    return {name: about.reword(text) for name, text in found.items()}


def seen(domain: Domain) -> str:
    """Return what a model sees, as far as its domain has it, in the films' words."""
    parts = ["director"] + ["year"] * bool(domain.ordinal) + ["genres"] * bool(domain.tags)
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _films(table: FilmTable) -> str:
    films = table.films
    first, last = min(film.year for film in films), max(film.year for film in films)
    shown = table.domain.shown_ordinal
    span = f", {shown(first)} to {shown(last)}" if table.domain.ordinal else ""
    rejects = f" {len(table.rejects):,} rows were left out as faulty." if table.rejects else ""
    return (
        f"{len(films):,} films by {len({film.director for film in films}):,} directors"
        f"{span}.{rejects}"
    )


def _measured(measured: Benchmark) -> dict[str, str]:
    seen, unseen = (measured.mean(MODEL, "rmse", part) for part in ("seen", "unseen"))
    found = {
        "How far off it is": "For a film it hasn't seen, "
        f"{measured.mean(MODEL, 'rmse'):.2f} stars (root mean square error): {seen:.2f} if it "
        f"knows the director, {unseen:.2f} if it doesn't. Guessing the same stars for every film "
        f"would be {measured.mean('constant', 'rmse'):.2f} off."
    }
    by_method = {pick.method: pick for pick in measured.picks if pick.size == _SLATE}
    if MODEL in by_method:
        ours, chance, best = (by_method[name] for name in (MODEL, CHANCE, ORACLE))
        found["What its picks are worth"] = (
            f"Of {_SLATE} films it picks one of {ours.stars:.1f} stars on average (95% interval "
            f"{ours.low:.1f} to {ours.high:.1f}). A random choice gets {chance.stars:.1f}; knowing "
            f"all ratings would get {best.stars:.1f}."
        )
        found["Compared with a simple rule"] = _lead(by_method[_SIMPLE])
    late = measured.in_time.figures[MODEL]["all"]
    less = "less" if late["optimism"] >= 0 else "more"
    found["Films of later years"] = (
        f"For films {measured.in_time.name}, predicted from earlier ones, it's {late['rmse']:.2f} "
        f"stars off, and the film it picks of {_SLATE} gets {abs(late['optimism']):.1f} stars "
        f"{less} than expected."
    )
    found["Its probabilities"] = _calibration(measured.mean(MODEL, "calibration"))
    without = [
        f"without the {name} it would be {stars:.2f} off" for name, stars in _hidden(measured)
    ]
    found["What matters most"] = f"{', '.join(without)}.".capitalize()
    small, whole = measured.curve[-2], measured.curve[-1]
    found["Would more films help?"] = (
        f"From {small.films:,} to {whole.films:,} films the error fell by "
        f"{small.rmse - whole.rmse:.3f} stars."
    )
    return found


def _hidden(measured: Benchmark) -> list[tuple[str, float]]:
    """Return the RMSE without each of the choices, the most important choice first."""
    names = measured.random[0].hidden
    means = {
        name: sum(split.hidden[name] for split in measured.random) / len(measured.random)
        for name in names
    }
    return sorted(means.items(), key=lambda one: -one[1])


def _calibration(error: float) -> str:
    return (
        f"When it gives an outcome a chance of 30%, that comes true in about 30% of cases: "
        f"stated and true shares differ by {100 * error:.0f} points on average."
    )


def _lead(pick: PickedStars) -> str:
    """Return how much better the picks are than a simple rule's, or that it isn't proven."""
    rule = "The director's mean, shrunk towards the mean of all films, "
    if pick.lead_low > 0:
        return (
            f"{rule}picks {pick.lead:.2f} stars worse (95% interval {pick.lead_low:.2f} to "
            f"{pick.lead_high:.2f})."
        )
    if pick.lead_high < 0:
        return f"{rule}picks {-pick.lead:.2f} stars better."
    return (
        f"{rule}picks about as well: the difference is {pick.lead:+z.2f} stars, 95% interval "
        f"{pick.lead_low:+z.2f} to {pick.lead_high:+z.2f}."
    )

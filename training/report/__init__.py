"""The report: one self-contained HTML file, in a bundle and next to it.

Apart from one style sheet it has no inline styles or scripts, so the appliance can show it under a
strict content security policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from data.domain import FILMS, Domain
from data.manifest import REPORT
from training.dataset import FilmTable, film_ids, reasons
from training.evaluation import benchmark
from training.evaluation.benchmark import Benchmark
from training.evaluation.methods import MODEL
from training.evaluation.picks import PickedStars
from training.export.summary import ExportSummary, read_summary
from training.report.rewording import Reworded


def write_report(folder: Path, table: FilmTable) -> Path:
    """Write report.html into `folder` from the films and the figures saved there.

    Figures for a different film table are left out.
    """
    path = folder / REPORT
    path.write_bytes(draw(table, read_summary(folder, table.sha256), folder))
    return path


def draw(table: FilmTable, summary: ExportSummary | None, folder: Path) -> bytes:
    """Return report.html, with this film table's benchmark if `folder` has one."""
    return render(table, summary, benchmark.load(folder, table.sha256)).encode()


def render(table: FilmTable, summary: ExportSummary | None, measured: Benchmark | None) -> str:
    """Return the page."""
    # matplotlib takes a second to import, and only the report needs it.
    from training.report import card, data_figures, first_page, model_figures, style
    from training.report.svg import Letters, slim

    domain = table.domain
    if domain != FILMS:
        # What a benchmark measures is in stars throughout; only films have these.
        measured = None
    with style.style(domain):
        drawings = []
        if measured is not None:
            where = "five random splits together"
            error = measured.mean(MODEL, "calibration")
            drawings = [
                model_figures.leads(measured),
                model_figures.against_baselines(measured),
                model_figures.confusion_matrix(measured.confusion, where),
                model_figures.calibration(measured.calibration, error, where),
                model_figures.optimism_bars(measured),
                model_figures.learning_curve(measured.curve),
                *model_figures.errors_by_part(measured.parts),
            ]
        elif summary is not None:
            where = "cross-validated"
            error = summary.figures["calibration"]
            drawings = [
                model_figures.confusion_matrix(summary.confusion, where, domain),
                model_figures.calibration(summary.calibration, error, where),
            ]
        story = data_figures.data_drawings(table.films, domain)
    letters = Letters()
    drawings, story = (
        [one._replace(svg=slim(one.svg, letters)) for one in some] for some in (drawings, story)
    )
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=[Reworded],
    )
    environment.extend(domain=domain)
    return environment.get_template("page.html").render(
        table=table,
        films=domain == FILMS,
        seen=domain.reword(first_page.seen(domain)),
        facts=_facts(table),
        first_page=first_page.lines(table, summary, measured),
        card=card.facts(table),
        rejects=reasons(table.rejects),
        figures_shown=_figures(summary, domain) if summary else {},
        rmse=f"{domain.outcome.difference(summary.figures['rmse']):.3f}" if summary else "",
        years=[domain.shown_ordinal(year) for year in summary.years] if summary else [],
        repeats=len(table.films) - len(set(film_ids(table.films).tolist())),
        picks=_picks(measured) if measured else [],
        terms=_terms(measured) if measured else [],
        summary=summary,
        measured=measured,
        rows=_rows(measured) if measured else [],
        parts=_parts(measured) if measured else [],
        errors=_ERRORS,
        merits=_MERITS,
        labels=_LABELS,
        drawings=drawings,
        story=story,
        letters=letters,
    )


def _facts(table: FilmTable) -> dict[str, str]:
    films, domain = table.films, table.domain
    found = {
        "films": f"{len(films):,}",
        "directors": f"{len({f.director for f in films}):,}",
    }
    if domain.tags:
        found["genres"] = f"{len({g for f in films for g in f.genres}):,}"
    if domain.ordinal:
        first, last = min(f.year for f in films), max(f.year for f in films)
        found["years"] = f"{domain.shown_ordinal(first)}–{domain.shown_ordinal(last)}"
    return {domain.reword(name): value for name, value in found.items()}


# Measured in stars: on another domain's scale they are converted to its units.
_IN_STARS = ("rmse", "regret", "optimism", "mae")


def _figures(summary: ExportSummary, domain: Domain) -> dict[str, float]:
    """Return the figures of an export by their names, on the domain's scale."""
    found = {}
    for name, value in summary.figures.items():
        label = _LABELS.get(name, name).replace("-<br>", "-").replace("<br>", " ").replace("_", " ")
        if name == "within_one" and domain != FILMS:
            label = f"within {domain.outcome.difference(1):.3g}{domain.plain_unit}"
        found[label] = domain.outcome.difference(value) if name in _IN_STARS else value
    return found


_ERRORS = ("rmse", "log_loss", "regret", "mae", "rps", "calibration")
_MERITS = ("accuracy", "within_one", "f1", "f1_prior", "r2", "spearman")
_COLUMNS = (*_ERRORS, *_MERITS)
_LABELS = {
    "rmse": "RMSE", "log_loss": "log loss", "regret": "regret", "mae": "MAE", "rps": "RPS",
    "calibration": "calibration<br>error", "accuracy": "accuracy",
    "within_one": "within<br>one star", "f1": "macro-F1", "f1_prior": "F1, prior-<br>corrected",
    "r2": "R²", "spearman": "Spearman",
}  # fmt: skip


def _rows(measured: Benchmark) -> list[dict[str, Any]]:
    """Return the comparison, a row per method: mean and spread over the random splits."""
    forest = measured.mean("random forest", "rmse")
    return [
        {
            "method": method,
            "ours": method == MODEL,
            "ratio": measured.mean(method, "rmse") / forest,
            "means": {name: measured.mean(method, name) for name in _COLUMNS},
            "spreads": {name: float(np.std(measured.values(method, name))) for name in _COLUMNS},
            "late": {name: measured.in_time.figures[method]["all"][name] for name in _COLUMNS},
        }
        for method in measured.in_time.figures
    ]


def _picks(measured: Benchmark) -> list[tuple[str, list[tuple[str, dict[int, PickedStars]]]]]:
    """Return each method's picks by size of slate, for each kind of split."""
    found = []
    for where, some in (
        ("five random splits", measured.picks),
        (f"films {measured.in_time.name}", measured.picks_in_time),
    ):
        methods = dict.fromkeys(pick.method for pick in some)
        by_size = {
            method: {pick.size: pick for pick in some if pick.method == method}
            for method in methods
        }
        found.append((where, list(by_size.items())))
    return found


def _terms(measured: Benchmark) -> list[tuple[str, dict[str, float]]]:
    """Return each baseline's mean RMSE and regret, on equal terms and from whole stars."""
    return [
        (
            method,
            {
                "rmse": measured.mean(method, "rmse"),
                "whole_rmse": _mean(measured, method, "rmse"),
                "regret": measured.mean(method, "regret"),
                "whole_regret": _mean(measured, method, "regret"),
            },
        )
        for method in measured.random[0].whole_stars
    ]


def _mean(measured: Benchmark, method: str, figure: str) -> float:
    return float(np.mean([split.whole_stars[method][figure] for split in measured.random]))


def _parts(measured: Benchmark) -> list[tuple[str, dict[str, float]]]:
    return [
        (label, {name: measured.mean(MODEL, name, part) for name in _COLUMNS})
        for part, label in (
            ("all", "all films"), ("seen", "director seen"), ("unseen", "director not seen"),
        )
    ]  # fmt: skip

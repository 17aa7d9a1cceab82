"""A verdict as a page: the decision, its reasons, and both models side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jinja2
import numpy as np

from data.domain import Domain
from data.films import Film
from data.verdict import Comparison, Part, Verdict
from judging.losses import SLATE
from judging.paired import slate_size
from judging.release import in_domain, level, named
from training.report.rewording import Reworded
from training.report.svg import Letters, slim
from training.retraining.judged_model import JudgedModel
from training.retraining.training_set import TrainingSet

if TYPE_CHECKING:
    from training.report.style import Drawing

_PARTS: dict[Part, str] = {
    "feedback": "held-out ratings",
    "trained": "ratings that train",
    "holdout": "films of the table",
}
_MOST_FILMS = 40
# A hyphen before a number is a minus unless it follows a word.
_MINUS = re.compile(r"(?<!\w)-(?=\d)")


def draw(
    verdict: Verdict, films: TrainingSet, incumbent: JudgedModel, candidate: JudgedModel | None
) -> bytes:
    """Return report.html.

    Args:
        verdict: the decision.
        films: the training set it rests on.
        incumbent: the model in use.
        candidate: the new one; None if it was never made.
    """
    # matplotlib takes a second to import, and only the report needs it.
    from training.report import style

    about = incumbent.manifest.about
    shown = [in_domain(one, about) for one in verdict.comparisons]
    parts = {part: about.reword(name) for part, name in _PARTS.items()}
    letters = Letters()
    drawing = None
    if shown:
        with style.style(about):
            drawing = _intervals(shown, parts, about)
        drawing = drawing._replace(svg=slim(drawing.svg, letters))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("training.retraining", "."),
                jinja2.PackageLoader("training.report", "."),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=[Reworded],
    )
    environment.extend(domain=about)
    environment.filters["thousands"] = "{:,}".format
    environment.filters["minus"] = lambda text: _MINUS.sub("\u2212", text)
    page = environment.get_template("verdict.html").render(
        verdict=verdict,
        counts=films.manifest.counts,
        domain=about,
        comparisons=shown,
        parts=parts,
        named=named,
        drawing=drawing,
        level=level,
        slate=slate_size(verdict.comparisons[0].films if verdict.comparisons else 0),
        holds_out=films.manifest.holds_out,
        whole_slate=SLATE,
        rated=_rated(films.held_out(), incumbent, candidate),
        letters=letters,
    )
    return page.encode()


def _rated(
    held: list[Film], incumbent: JudgedModel, candidate: JudgedModel | None
) -> list[tuple[Film, float, float | None]]:
    """Return held-out films with both models' expected stars, largest differences first."""
    if not held:
        return []
    before = incumbent.of(held).expected
    if candidate is None:
        return [(film, float(old), None) for film, old in zip(held, before, strict=True)]
    now = candidate.of(held).expected
    most = np.argsort(-np.abs(now - before), kind="stable")[:_MOST_FILMS]
    return [(held[i], float(before[i]), float(now[i])) for i in most]


def _intervals(comparisons: Sequence[Comparison], names: dict[Part, str], about: Domain) -> Drawing:
    """Return the differences with their intervals, each part around its own zero."""
    import matplotlib.pyplot as plt

    from training.report.style import GREEN, GREY, ORANGE, WIDTH, drawing

    parts = list(dict.fromkeys(one.part for one in comparisons))
    figure, grid = plt.subplots(len(parts), 1, figsize=(WIDTH, 2.0 * len(parts)), squeeze=False)
    for axes, part in zip(grid[:, 0], parts, strict=True):
        ours = [one for one in comparisons if one.part == part]
        for row, one in enumerate(ours):
            colour = GREEN if one.high < 0 else ORANGE if one.low > 0 else GREY
            axes.plot([one.low, one.high], [row, row], color=colour, linewidth=3, alpha=0.6)
            axes.plot([one.difference], [row], "o", color=colour, markersize=7)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.set_yticks(range(len(ours)), [named(one.figure, about) for one in ours])
        axes.set_ylim(len(ours) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set_title(f"{names[part].capitalize()}: {ours[0].films:,}")
        reach = 1.1 * max(abs(end) for one in ours for end in (one.low, one.high, 1e-3))
        axes.set_xlim(-reach, reach)
    grid[-1, 0].set_xlabel("new version less the one in use: left of zero is better")
    return drawing(
        "What changes",
        "Differences with their intervals. Green: shown to be better. Orange: shown to be "
        "worse. Grey: could be chance.",
        figure,
    )

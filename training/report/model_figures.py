"""Figures about the model: comparison with baselines, confusion, calibration, optimism."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from data.domain import FILMS, Domain
from training.evaluation.benchmark import Benchmark, CurvePoint
from training.evaluation.breakdown import CAREER, DECADE, GENRE, Part
from training.evaluation.methods import MODEL
from training.evaluation.optimism import INVENTED
from training.evaluation.picks import ORACLE
from training.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SHADES,
    SKY,
    WIDTH,
    Drawing,
    drawing,
)  # fmt: skip

_COMPARED = (
    ("rmse", "RMSE, stars"), ("log_loss", "log loss"), ("regret", "regret on slates, stars"),
)  # fmt: skip


def against_baselines(measured: Benchmark) -> Drawing:
    """Return the three main figures of every method on every split."""
    methods = list(measured.in_time.figures)
    figure, grid = plt.subplots(3, 1, figsize=(WIDTH, 6.6))
    for axes, (name, label) in zip(grid, _COMPARED, strict=True):
        for row, method in enumerate(methods):
            values = measured.values(method, name)
            colour = GREEN if method == MODEL else GREY
            axes.scatter(values, [row] * len(values), s=34, color=colour, alpha=0.75, linewidths=0)
            late = measured.in_time.figures[method]["all"][name]
            axes.scatter([late], [row], s=34, marker="D", facecolors="none", edgecolors=ORANGE)
        axes.set(xlabel=label, ylim=(len(methods) - 0.5, -0.5))
        axes.set_yticks(range(len(methods)), methods)
        axes.grid(axis="x")
    return drawing(
        "Compared with the baselines",
        "Less is better. Dots: five random splits. Orange diamonds: the split in time.",
        figure,
    )


def leads(measured: Benchmark) -> Drawing:
    """Return how much better the model's picks are than each other method's, with intervals."""
    sizes = list(dict.fromkeys(pick.size for pick in measured.picks))
    methods = [
        m for m in dict.fromkeys(p.method for p in measured.picks) if m not in (MODEL, ORACLE)
    ]
    figure, grid = plt.subplots(
        max(1, len(sizes)), 1, figsize=(WIDTH, 2.6 * max(1, len(sizes))), squeeze=False
    )
    for axes, size in zip(grid[:, 0], sizes, strict=False):
        for shift, (some, colour) in enumerate(
            ((measured.picks, BLUE), (measured.picks_in_time, ORANGE))
        ):
            found = {pick.method: pick for pick in some if pick.size == size}
            for row, method in enumerate(methods):
                if method in found:
                    one, at = found[method], row + 0.3 * shift - 0.15
                    axes.plot([one.lead_low, one.lead_high], [at, at], color=colour, linewidth=2)
                    axes.plot([one.lead], [at], "o", color=colour, markersize=4)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        axes.set_yticks(range(len(methods)), methods)
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_title(f"slates of {size:,}")
    grid[-1, 0].set_xlabel("true stars of the model's pick, less the other's")
    return drawing(
        "How much better its picks are",
        "Right of zero the model's picks are better. Blue: random splits. Orange: films of later "
        "years. 95% intervals over directors.",
        figure,
    )


def learning_curve(points: Sequence[CurvePoint]) -> Drawing:
    """Return the error by the number of films to learn from."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.8))
    axes.plot([p.films for p in points], [p.rmse for p in points], "o-", color=BLUE)
    axes.set(xlabel="films to learn from", ylabel="RMSE, stars", xlim=(0, None))
    return drawing(
        "Learning curve", "On the test films of one random split. A flat end: more films of this "
        "kind wouldn't help much.", figure,
    )  # fmt: skip


def errors_by_part(parts: Sequence[Part]) -> list[Drawing]:
    """Return the model's error by genre, decade and number of the director's films."""
    drawings = []
    for kind in (GENRE, DECADE, CAREER):
        some = [part for part in parts if part.kind == kind]
        if not some:
            continue
        figure, axes = plt.subplots(figsize=(WIDTH, 0.6 + 0.26 * len(some)))
        axes.barh([f"{p.label} ({p.films:,})" for p in some], [p.rmse for p in some], color=SKY)
        axes.plot([part.bias for part in some], range(len(some)), "o", color=ORANGE, markersize=4)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_ylim(len(some) - 0.5, -0.5)
        axes.set(xlabel="stars")
        axes.grid(axis="y", visible=False)
        drawings.append(
            drawing(
                f"Error by {kind}",
                "Bars: RMSE. Dots: expected less true stars on average; right of zero they're "
                "expected too high. In brackets: test films of all random splits.",
                figure,
            )
        )
    return drawings


def confusion_matrix(
    counts: Sequence[Sequence[int]], where: str, domain: Domain = FILMS
) -> Drawing:
    """Return the confusion matrix of stars and the most probable class."""
    table = np.asarray(counts, float)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1.0)
    classes = [domain.shown_class(stars) for stars in range(1, 11)]
    texts = np.array([[f"{n:,}" if n else "" for n in row] for row in counts])
    figure, axes = plt.subplots(figsize=(WIDTH, 4.7))
    sns.heatmap(
        share, ax=axes, cmap=SHADES, vmin=0.0, vmax=1.0, annot=texts, fmt="",
        annot_kws={"size": 7.5}, xticklabels=classes, yticklabels=classes,
        cbar_kws={"label": "share of the row"}, linewidths=0.5,
    )  # fmt: skip
    axes.set(xlabel="most probable stars", ylabel="stars")
    axes.tick_params(axis="y", rotation=0)
    return drawing("Confusion matrix", f"Numbers of films, {where}.", figure)


def calibration(bins: Sequence[tuple[float, float, int]], error: float, where: str) -> Drawing:
    """Return how often the most probable class is right, by its probability."""
    sure, right, films = (np.array(column, float) for column in zip(*bins, strict=True))
    figure, axes = plt.subplots(figsize=(WIDTH, 4.2))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    spread = 1.96 * np.sqrt(np.maximum(right * (1 - right), 1e-3) / films)
    axes.errorbar(sure, right, yerr=spread, color=BLUE, linewidth=1, capsize=2)
    axes.scatter(
        sure, right, s=12 + 180 * films / films.max(), color=BLUE, alpha=0.8, linewidths=0,
        label="films, by number", zorder=3,
    )  # fmt: skip
    axes.set(
        xlabel="probability of the most probable stars", ylabel="how often they were right",
        xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.legend(loc="upper left", markerscale=0.6)
    return drawing("Calibration", f"Mean error {error:.3f}, {where}; 95% bars.", figure)


def optimism_bars(measured: Benchmark) -> Drawing:
    """Return by how much the best of many is over-predicted."""
    by_size = measured.mean_optimism()
    labels = [f"{size:,} test films" for size in by_size] + [f"{INVENTED:,} invented"]
    values = [*by_size.values(), measured.invented.optimism]
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6))
    axes.barh(labels[::-1], values[::-1], color=[ORANGE, *[BLUE] * len(by_size)], height=0.6)
    for number, size in enumerate(reversed(by_size), 1):
        spread = [split.optimism[size] for split in measured.random if size in split.optimism]
        axes.scatter(spread, [number] * len(spread), color=INK, s=10, zorder=3)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="predicted less true stars of the best")
    axes.grid(axis="y", visible=False)
    return drawing(
        "Optimism of the best of many",
        "The one predicted best is partly the luckiest. Dots: single splits, each with hardly more "
        "than one slate of 3,600 films. Invented combinations are judged by a model of the other "
        "half of the films, which is itself cautious.",
        figure,
    )

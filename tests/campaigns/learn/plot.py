"""The plot of `make learn`: what the films were worth, and what retraining gained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .figures import Figures, Spread

INK, QUIET, RULE = "#1f2430", "#6b7280", "#d9dce1"
_COLOURS = ("#0b7a4b", "#2f6db3", "#8a5a2b", "#6b7280", "#b3b8c2")
_FONT = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "svg.hashsalt": "greenlight",
}


def draw(figures: Figures, learners: Sequence[str], never: str, folder: Path) -> None:
    """Write `plot.svg` and `plot.png`.

    Args:
        figures: what was found.
        learners: the arms that retrain; the first one's gain is in the title.
        never: the arm that the gain is counted from.
        folder: where to.
    """
    with plt.rc_context(_FONT):
        figure, (stars, gain) = plt.subplots(
            1, 2, figsize=(12.5, 5.6), width_ratios=[1.35, 1], layout="constrained"
        )
        colours = dict(zip(figures.arms, _COLOURS, strict=False))
        _panel(stars, {name: arm.by_round for name, arm in figures.arms.items()}, colours, learners)
        _panel(
            gain, {name: figures.arms[name].gain_by_round for name in learners}, colours, learners
        )
        _title(stars, "What the audience thinks of the films it got", "true stars, mean of a round")
        _title(gain, "What retraining gained", f"stars above “{never}”, world by world")
        gain.axhline(0, color=QUIET, linewidth=1, zorder=1)
        _mark_releases(gain, figures, learners, colours)
        worlds = len(figures.seeds)
        figure.text(
            0.008,
            -0.045,
            f"{worlds} made-up worlds, {figures.presses} films a round; bands are 95% intervals of "
            "the mean over worlds. Every pick, rating, retraining, verdict and activation went "
            "through the real parts.",
            fontsize=8.5,
            color=QUIET,
        )
        for name in ("plot.svg", "plot.png"):
            figure.savefig(folder / name, dpi=150, bbox_inches="tight", pad_inches=0.2)
        plt.close(figure)


def _panel(
    axes: Axes,
    lines: dict[str, list[Spread]],
    colours: dict[str, str],
    learners: Sequence[str],
) -> None:
    for name, points in lines.items():
        rounds = np.arange(1, len(points) + 1)
        strong = name in learners
        colour = colours[name]
        axes.plot(
            rounds,
            [point.mean for point in points],
            color=colour,
            linewidth=2.4 if strong else 1.6,
            linestyle="-" if strong else (0, (4, 2)),
            marker="o" if strong else None,
            markersize=4.5,
            zorder=4 if strong else 3,
        )
        if points[0].low is not None:
            low, high = ([getattr(point, end) for point in points] for end in ("low", "high"))
            axes.fill_between(rounds, low, high, color=colour, alpha=0.13, linewidth=0, zorder=2)
    _label_ends(axes, lines, colours)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round")


def _label_ends(axes: Axes, lines: dict[str, list[Spread]], colours: dict[str, str]) -> None:
    """Write each line's name at its end, moved apart where two would overlap."""
    rounds = max(len(points) for points in lines.values())
    low, high = axes.get_ylim()
    apart = (high - low) * 0.052
    ends = sorted((points[-1].mean, name) for name, points in lines.items())
    places: list[float] = []
    for value, _ in ends:
        places.append(max(value, places[-1] + apart) if places else value)
    # Centred again: pushing up alone would lift the labels off their lines.
    shift = float(np.mean([place - value for place, (value, _) in zip(places, ends, strict=True)]))
    for place, (value, name) in zip(places, ends, strict=True):
        axes.annotate(
            name,
            (rounds, value),
            (rounds + 0.12 * rounds / 6, place - shift),
            color=colours[name],
            va="center",
            fontsize=9.5,
            fontweight="bold",
            annotation_clip=False,
        )
    axes.set_xlim(0.85, rounds + 0.1)


def _title(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(f"{title}\n", loc="left", fontsize=12.5, fontweight="bold", pad=8)
    axes.text(0, 1.025, unit, transform=axes.transAxes, color=QUIET, fontsize=9.5)


def _mark_releases(
    axes: Axes, figures: Figures, learners: Sequence[str], colours: dict[str, str]
) -> None:
    """Write below each round in how many worlds a new model was released before it."""
    name = learners[0]
    own = [course for course in figures.courses if course.arm == name]
    low, high = axes.get_ylim()
    axes.set_ylim(low - (high - low) * 0.1, high)
    bottom = low - (high - low) * 0.06
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for number in range(1, figures.rounds):
        count = sum(course.released[number - 1] for course in own)
        axes.text(
            number + 0.5,
            bottom,
            f"{count}/{len(own)}",
            ha="center",
            color=colours[name],
            fontsize=8.5,
            bbox=plain,
        )
    axes.text(
        1.0,
        bottom + (high - low) * 0.055,
        "models released between rounds",
        color=colours[name],
        fontsize=8.5,
        bbox=plain,
    )

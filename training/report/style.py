"""The style of figures, and their conversion to SVG inside the page.

Colours are Okabe and Ito's, which colour-blind readers can distinguish; shades are matplotlib's
cividis. Figures are narrow with large letters, so that they are readable on a phone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from data.domain import FILMS, Domain

GREEN, ORANGE, BLUE, PINK, SKY, GREY = (
    "#00795c", "#d55e00", "#0072b2", "#cc79a7", "#56b4e9", "#8a8f98",
)  # fmt: skip
SHADES = "cividis"
WIDTH = 5.6
INK = "#22262b"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "greenlight",
    "font.size": 11,
    "axes.edgecolor": "#b8bec6",
    # The page provides the background: light or dark.
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "grid.color": "#e6e9ed",
    "text.color": INK,
    "xtick.color": "#4a5058",
    "ytick.color": "#4a5058",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


class Drawing(NamedTuple):
    """A figure of the page: title, caption and SVG."""

    title: str
    caption: str
    svg: str


# The domains of the contexts entered, the innermost last.
_about = [FILMS]


@contextmanager
def style(domain: Domain = FILMS) -> Iterator[None]:
    """Draw in the report's style, and in a domain's words, inside this context."""
    _about.append(domain)
    try:
        with sns.axes_style("whitegrid", _STYLE), plt.rc_context(_STYLE):
            yield
    finally:
        _about.pop()


def drawing(title: str, caption: str, figure: Figure) -> Drawing:
    """Return a figure as matplotlib's SVG, and close it."""
    domain = _about[-1]
    _reword(figure, domain)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, dpi=120)
    plt.close(figure)
    return Drawing(domain.reword(title), domain.reword(caption), buffer.getvalue())


def _reword(figure: Figure, domain: Domain) -> None:
    """Put a domain's words into a figure's labels; names on its ticks stay as they are."""
    for axes in figure.axes:
        axes.set_xlabel(domain.reword(axes.get_xlabel()))
        axes.set_ylabel(domain.reword(axes.get_ylabel()))
        legend = axes.get_legend()
        for text in [*axes.texts, *(legend.get_texts() if legend else ())]:
            text.set_text(domain.reword(text.get_text()))

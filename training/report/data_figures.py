"""Figures about the data: films, ratings, genres and directors over the years."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from data.domain import FILMS, Domain
from data.films import Film
from training.report.style import BLUE, GREEN, GREY, ORANGE, WIDTH, Drawing, drawing

_MOST_GENRES = 12
_BEST_MIN_FILMS = 20
# A mean over fewer films isn't meaningful.
_FEW = 15


def frame_of(films: Sequence[Film], domain: Domain = FILMS) -> pd.DataFrame:
    """Return one row for each film: its number and its rating as the domain shows them."""
    scale, shift = domain.outcome, domain.ordinal.shift if domain.ordinal else 0
    return pd.DataFrame(
        {
            "year": [f.year - shift for f in films],
            "director": [f.director for f in films],
            "stars": [f.stars for f in films],
            "rating": [scale.of_rating(f.stars if f.rating is None else f.rating) for f in films],
            "genres": [f.genres for f in films],
        }
    )


def data_drawings(films: Sequence[Film], domain: Domain = FILMS) -> list[Drawing]:
    """Return all figures about the films; none of what a domain lacks."""
    frame = frame_of(films, domain)
    by_director = [_busiest(frame), _mean_against_count(frame), _best(frame, domain)]
    found = [_films_per_year(frame)] if domain.ordinal else []
    found.append(_histogram(frame, domain))
    found += [_rating_by_year(frame)] if domain.ordinal else []
    if domain.tags:
        found += _by_genre(frame, over_time=domain.ordinal is not None)
    return found + by_director


def _by_genre(frame: pd.DataFrame, *, over_time: bool) -> list[Drawing]:
    by_genre = frame.explode("genres", ignore_index=True).rename(columns={"genres": "genre"})
    genres = list(by_genre.genre.value_counts().index)
    found = [_films_per_genre(by_genre)]
    if over_time:
        found.append(_genre_ratings(by_genre, genres[:_MOST_GENRES]))
        found.append(_genre_share(by_genre, genres[:_MOST_GENRES]))
    return found


def _films_per_year(frame: pd.DataFrame) -> Drawing:
    counts = frame.groupby("year").size()
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    axes.fill_between(counts.index, counts.to_numpy(), color=GREEN, alpha=0.85, linewidth=0)
    axes.set(xlabel="year", ylabel="films", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    top = counts.idxmax()
    return drawing("Films per year", f"Most films, {counts.max():,}, are of {top}.", figure)


def _histogram(frame: pd.DataFrame, domain: Domain) -> Drawing:
    counts = frame.stars.value_counts().reindex(range(1, 11), fill_value=0)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    bars = axes.bar(counts.index, counts.to_numpy(), color=GREEN, width=0.85)
    axes.bar_label(bars, labels=[f"{n:,}" for n in counts], fontsize=9, padding=2)
    axes.set(xlabel="stars", ylabel="films")
    axes.set_xticks(range(1, 11), [domain.shown_class(stars) for stars in range(1, 11)])
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)
    return drawing(
        "Ratings",
        f"Mean {domain.shown_outcome(frame.stars.mean())}, standard deviation "
        f"{domain.outcome.difference(frame.stars.std()):.2f} stars.",
        figure,
    )


def _rating_by_year(frame: pd.DataFrame) -> Drawing:
    by_year = frame.groupby("year").rating.agg(["mean", "std", "size"])
    by_year = by_year[by_year["size"] >= 5]
    error = 1.96 * by_year["std"] / np.sqrt(by_year["size"])
    figure, axes = plt.subplots(figsize=(WIDTH, 3.0))
    axes.fill_between(
        by_year.index, by_year["mean"] - error, by_year["mean"] + error, color=BLUE, alpha=0.2,
        linewidth=0,
    )  # fmt: skip
    axes.plot(by_year.index, by_year["mean"], color=BLUE)
    axes.set(xlabel="year", ylabel="mean rating")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return drawing(
        "Mean rating by year",
        "With a 95% band of the mean; years of fewer than five films are left out.",
        figure,
    )


def _films_per_genre(by_genre: pd.DataFrame) -> Drawing:
    counts = by_genre.genre.value_counts()
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.24 * len(counts)))
    bars = axes.barh(counts.index[::-1], counts.to_numpy()[::-1], color=GREEN, height=0.75)
    axes.bar_label(bars, labels=[f"{n:,}" for n in counts[::-1]], fontsize=9, padding=3)
    axes.set(xlabel="films")
    axes.margins(x=0.12, y=0.01)
    axes.grid(axis="y", visible=False)
    return drawing("Films per genre", "A film counts in each of its genres, up to three.", figure)


def _periods(years: pd.Series) -> pd.Series:
    """Return the first year of each film's period; there are about ten periods."""
    span = max(1, int(years.max() - years.min() + 1))
    width = next(w for w in (1, 2, 5, 10, 20, 50) if span / w <= 12)
    return (years // width) * width


def _genre_ratings(by_genre: pd.DataFrame, genres: list[str]) -> Drawing:
    relative = by_genre.rating - by_genre.groupby("year").rating.transform("mean")
    table = by_genre.assign(relative=relative, period=_periods(by_genre.year))
    grouped = table[table.genre.isin(genres)].groupby(["genre", "period"]).relative
    means = grouped.mean().where(grouped.size() >= _FEW).unstack().reindex(genres)
    most = float(np.nanmax(np.abs(means.to_numpy()), initial=0.1))
    figure, axes = plt.subplots(figsize=(WIDTH, 4.4))
    sns.heatmap(
        means, ax=axes, cmap="PuOr_r", center=0.0, vmin=-most, vmax=most, annot=True, fmt="+z.1f",
        annot_kws={"size": 8}, linewidths=0.5, cbar_kws={"label": "stars from the year's mean"},
    )  # fmt: skip
    axes.set(xlabel="from", ylabel="")
    axes.tick_params(axis="x", rotation=60)
    return drawing(
        "Genre ratings over time",
        f"Mean rating less the year's mean. Empty: fewer than {_FEW} films.",
        figure,
    )


def _genre_share(by_genre: pd.DataFrame, genres: list[str]) -> Drawing:
    table = by_genre.assign(period=_periods(by_genre.year))
    share = table.groupby(["period", "genre"]).size().unstack(fill_value=0)
    share = share.div(share.sum(axis=1), axis=0)[genres]
    columns = 3
    rows = -(-len(genres) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, 1.25 * rows + 0.4), sharex=True, sharey=True, squeeze=False
    )
    for axes, genre in zip(grid.flat, genres, strict=False):
        axes.fill_between(share.index, share[genre], color=GREEN, alpha=0.85, linewidth=0)
        axes.set_title(genre, fontsize=10, pad=2)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.tick_params(labelsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_ylim(0, None)
    for axes in list(grid.flat)[len(genres) :]:
        axes.set_visible(False)
    return drawing("Genre share over time", "Share of all genre mentions in the period.", figure)


def _directors(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby("director").rating.agg(["mean", "size"])


def _bars(directors: pd.DataFrame, column: str, label: str, colour: str) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.27 * len(directors)))
    bars = axes.barh(directors.index[::-1], directors[column][::-1], color=colour, height=0.72)
    texts = [
        f"{row['size']:.0f} films" if column == "mean" else f"mean {row['mean']:.1f}"
        for _, row in directors[::-1].iterrows()
    ]
    axes.bar_label(bars, labels=texts, fontsize=9, padding=3)
    axes.set(xlabel=label)
    axes.margins(x=0.25, y=0.02)
    axes.grid(axis="y", visible=False)
    return figure


def _busiest(frame: pd.DataFrame) -> Drawing:
    directors = _directors(frame).sort_values("size", ascending=False).head(20)
    return drawing(
        "Directors with the most films",
        "With the mean rating of their films.",
        _bars(directors, "size", "films", GREEN),
    )


def _mean_against_count(frame: pd.DataFrame) -> Drawing:
    directors = _directors(frame)
    draw = np.random.default_rng(0)
    # A little jitter shows how many directors share a count.
    jitter = np.exp(draw.uniform(-0.12, 0.12, len(directors)))
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    axes.scatter(
        directors["size"] * jitter, directors["mean"], s=7, alpha=0.25, color=BLUE,
        linewidths=0, rasterized=True,
    )  # fmt: skip
    edges = np.unique(np.round(np.geomspace(1, directors["size"].max() + 1, 9)))
    bins = pd.cut(directors["size"], [float(edge) for edge in edges], right=False)
    line = directors.groupby(bins, observed=True).agg({"size": "mean", "mean": "mean"})
    axes.plot(line["size"], line["mean"], color=ORANGE, marker="o", markersize=4, label="mean")
    axes.axhline(frame.rating.mean(), color=GREY, linestyle="--", linewidth=1, label="all films")
    axes.set(xscale="log", xlabel="films of the director", ylabel="mean rating")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.legend(loc="lower right")
    return drawing(
        "Directors' mean rating by number of films",
        "Each dot is a director; the line is the mean over directors with that many films.",
        figure,
    )


def _best(frame: pd.DataFrame, domain: Domain) -> Drawing:
    directors = _directors(frame)
    directors = directors[directors["size"] > _BEST_MIN_FILMS]
    best = directors.sort_values("mean", ascending=False).head(20)
    if best.empty:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
        axes.text(0.5, 0.5, "no director has that many films", ha="center")
        axes.axis("off")
    else:
        figure = _bars(best, "mean", "mean rating", BLUE)
        scale = domain.outcome
        least = best["mean"].min() - scale.difference(1.5)
        figure.axes[0].set_xlim(max(scale.low, least), None)
    return drawing(
        f"Best directors with more than {_BEST_MIN_FILMS} films",
        "By mean rating; the axis doesn't start at zero.",
        figure,
    )

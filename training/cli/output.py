"""Output of the command line: one progress bar for a run, and a summary at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from data.domain import FILMS, Domain
from data.verdict import Verdict
from judging.release import in_domain, level, named

if TYPE_CHECKING:
    # Only their types: a command that shows a table needn't load training's libraries.
    from training.dataset import FilmTable
    from training.evaluation.benchmark import Benchmark
    from training.evaluation.methods import Figures
    from training.export.bundle import Exported
    from training.export.verify import BundleCheck
    from training.inspection import ColumnFacts, Inspection
    from training.progress import ProgressReporter
    from training.retraining.training_set import TrainingSet

_SHOWN = ("rmse", "log_loss", "regret", "accuracy", "rps")


@contextmanager
def progress_bar(console: Console, title: str) -> Iterator[ProgressReporter]:
    """Show a run's progress; yields the function that each step is reported to.

    Without a terminal each step becomes a line, so that logs show progress too.
    """
    bar = Progress(
        TextColumn("[bold]{task.fields[title]}"),
        BarColumn(complete_style="green"),
        TextColumn("{task.percentage:>3.0f}%  {task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("begin", total=1.0, title=title)

        def report(step: str, done: float) -> None:
            bar.update(task, description=escape(step), completed=done)
            if not console.is_terminal:
                console.print(f"{title}: {done:>4.0%} {step}", markup=False)

        yield report


def summary(console: Console, title: str, facts: Mapping[str, object]) -> None:
    """Show facts as a table of two columns."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, escape(str(value)))
    console.print(table)


def columns_of_table(console: Console, columns: Sequence[ColumnFacts]) -> None:
    """Show the columns of a file: what each contains, and how it is interpreted."""
    table = Table(title="Columns", title_justify="left", title_style="bold")
    for name in ("column", "taken as"):
        table.add_column(name, overflow="fold")
    for name in ("filled", "different"):
        table.add_column(name, justify="right")
    table.add_column("empty-looking", overflow="fold")
    table.add_column("for example", overflow="fold", style="dim")
    for column in columns:
        empty = ", ".join(f"{cell} {n:,}" for cell, n in column.empty_looking.items())
        cells = (column.name, column.taken_as, f"{column.filled:,}", f"{column.different:,}")
        table.add_row(*map(escape, (*cells, empty, column.example)))
    console.print(table)


def findings(console: Console, found: Inspection | None) -> None:
    """Show what deserves a look in a table, a line each; `inspect` shows everything."""
    if found is None:
        return
    lines = [f"left out: {times:,} rows: {reason}" for reason, times in found.rows_out.items()]
    lines += [f"outcome: {found.scale}"]
    if found.lists_in_tags:
        lines.append(f"look like lists: {', '.join(map(repr, found.lists_in_tags))}")
    if found.several:
        lines.append(f"several in a cell: {found.several:,}; the first counts")
    if found.alike:
        pairs = "; ".join(" and ".join(map(repr, names)) for names in found.alike)
        lines.append(f"perhaps the same: {pairs}")
    if found.repeats:
        lines.append(f"repeats: {found.repeats:,} rows")
    for column in found.columns:
        if column.taken_as and column.empty_looking:
            empty = ", ".join(f"{cell} {n:,}" for cell, n in column.empty_looking.items())
            lines.append(f"no value in {column.name!r}: {empty}")
    lines += [f"check: {problem}" for problem in found.problems]
    for line in lines:
        console.print(escape(line), soft_wrap=True, style="dim")


def figures(console: Console, found: Mapping[str, Figures], title: str = "Unseen films") -> None:
    """Show the main figures of each method, and the model's by seen and unseen directors."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("method")
    for name in _SHOWN:
        table.add_column(name.replace("_", " "), justify="right")
    model = next(iter(found))
    for method, of_part in found.items():
        for part in ("all", "seen", "unseen") if method == model else ("all",):
            label = method if part == "all" else f"  {part} directors"
            table.add_row(label, *(f"{of_part[part][name]:.4f}" for name in _SHOWN))
    console.print(table)


def headline(console: Console, measured: Benchmark) -> None:
    """Show the means over the random splits, the model's RMSE on each, and the optimism."""
    table = Table(title="Five random splits, mean", title_justify="left", title_style="bold")
    for column in ("method", "RMSE", "of the forest's", "log loss", "regret", "RMSE in time"):
        table.add_column(column, justify="left" if column == "method" else "right")
    model = next(iter(measured.in_time.figures))
    forest = measured.mean("random forest", "rmse")
    for method in measured.in_time.figures:
        rmse = measured.mean(method, "rmse")
        table.add_row(
            method,
            f"{rmse:.4f}",
            f"{rmse / forest:.3f}",
            f"{measured.mean(method, 'log_loss'):.4f}",
            f"{measured.mean(method, 'regret'):.4f}",
            f"{measured.in_time.figures[method]['all']['rmse']:.4f}",
        )
    console.print(table)
    each = ", ".join(f"{value:.4f}" for value in measured.values(model, "rmse"))
    console.print(f"RMSE of {model} on each split: {each}")
    for size, value in measured.mean_optimism().items():
        console.print(f"best of {size:,} random test films: over-predicted by {value:+z.3f} stars")
    console.print(
        f"best of 20,000 invented combinations: {measured.invented.predicted:.3f} predicted, "
        f"{measured.invented.judged:.3f} by a model of the other films "
        f"({measured.invented.optimism:+z.3f})"
    )


def exported(
    console: Console, made: Exported, table: FilmTable, key_id: str, places: Mapping[str, object]
) -> None:
    """Show an export's rows, figures and parity, and where it was written."""
    model, parity, figures = made.model, made.parity, made.manifest.metrics
    about = table.domain
    learnt = [f"{len(model.mixed_.careers.names):,} {about.choice.words}"]
    if about.tags:
        learnt.append(f"{model.genre_sets_.count:,} {about.tags.word} sets")
    if about.ordinal:
        first, last = map(about.shown_ordinal, model.table_years_)
        learnt.append(f"{about.ordinal.words} {first} to {last}")
    apart, rmse = map(about.outcome.difference, (parity.expected, figures["cross_validated_rmse"]))
    facts = {
        about.words.things: f"{len(table.films):,} ({len(table.rejects)} bad rows)",
        "model": ", ".join(learnt),
        "cross-validated": f"RMSE {rmse:.4f}{about.plain_unit}, "
        f"log loss {figures['cross_validated_log_loss']:.4f}",
        "scikit-learn against ONNX": f"{apart:.6f}{about.plain_unit} at most over "
        f"{parity.rows:,} rows and {parity.combinations:,} random combinations",
        "probabilities against head": f"{parity.probabilities:.1e} at most",
        "rows that differ in bits": f"{parity.bit_differences} (single, batch, 1 or 2 threads)",
        "files": ", ".join(f"{name} {len(c):,} bytes" for name, c in made.files.items()),
        "signed by": key_id,
    }
    summary(
        console, f"Bundle {made.manifest.name} version {made.manifest.version}", {**facts, **places}
    )


def checked(console: Console, found: BundleCheck) -> None:
    """Show a good bundle, and how its model came about."""
    origin, learnt = found.provenance, found.training
    if origin is None or learnt is None:
        raise ValueError("only a good bundle has a provenance")
    commit = origin.commit or "unknown"
    facts = {
        "learnt from": f"{learnt.source}, {learnt.rows:,} rows, sha256 {learnt.sha256[:16]}",
        "training set": origin.training_set[:16] if origin.training_set else "these rows alone",
        "code": f"Greenlight {origin.software or '(version unknown)'}, commit {commit[:16]}"
        + (" with changes" if commit.endswith("+changes") else ""),
        "compared with": f"model {origin.parent[:16]}" if origin.parent else "no model before it",
        "judged": f"for {origin.job}, verdict {origin.judgement[:16]}"
        if origin.judgement
        else "by nobody",
        "signed by": found.key_id,
        "model": found.model_hash[:16],
        "probes": f"{found.probes}, all answered as promised",
    }
    summary(console, f"Good: {found.name} version {found.version}", facts)


def training_set(console: Console, made: TrainingSet, more: Mapping[str, object]) -> None:
    """Show what went into a training set."""
    counts = made.manifest.counts
    facts = {
        "objects": f"{counts.objects:,}, of them {counts.duplicates:,} sent again and "
        f"{counts.rejects:,} rejected",
        "ratings": f"{counts.owner:,} by owners, {counts.simulated:,} simulated "
        f"({counts.left_out:,} simulated ones left out)",
        "corrected": f"{counts.corrected:,}, and {counts.withdrawn:,} withdrawn; they don't count",
        "rows of the table": f"{counts.table:,}",
        "ratings that train": f"{counts.trained:,}",
        "held out": f"{counts.held_out:,} for judging; they never train",
        "written to": made.folder,
    }
    summary(console, f"Training set {made.manifest.sha256[:16]}", {**facts, **more})


def verdict(
    console: Console, found: Verdict, places: Mapping[str, object], about: Domain = FILMS
) -> None:
    """Show a verdict: its figures on a domain's scale, its checks, and its reasons last."""
    if found.comparisons:
        table = Table(title="Side by side", title_justify="left", title_style="bold")
        for column in ("on", "figure"):
            table.add_column(column)
        version = f"version {found.incumbent.version}"
        for column in ("rows", version, "new", "difference", "interval"):
            table.add_column(column, justify="right")
        for one in (in_domain(one, about) for one in found.comparisons):
            table.add_row(
                one.part,
                named(one.figure, about),
                f"{one.films:,}",
                f"{one.incumbent:.3f}",
                f"{one.candidate:.3f}",
                f"{one.difference:+z.3f}",
                f"{one.low:+z.3f} to {one.high:+z.3f} ({level(one)})",
            )
        console.print(table)
    for check in found.checks:
        mark = "[green]passed[/]" if check.passed else "[red]failed[/]"
        console.print(f"{mark} {check.name}: {escape(check.found)}", soft_wrap=True)
    word = "[green]RELEASE[/]" if found.released else "[yellow]REFUSED[/]"
    console.print(
        f"{word} version {found.candidate.version} to replace version {found.incumbent.version}"
    )
    for reason in found.reasons:
        console.print(f"  {escape(reason)}", soft_wrap=True)
    for name, place in places.items():
        console.print(f"  {name} {escape(str(place))}", soft_wrap=True, style="dim")

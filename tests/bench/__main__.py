"""`make bench`: one run of every benchmark, as a table and as build/bench.json.

`make bench ARGS=scale` runs one group. A group is a module of this folder with a function
`measures(bundle)` that yields its figures; ratios compare things measured side by side. A figure
whose program or model is missing isn't measured, and the table says how to get it; a group's
function `missing(bundle)` does the same, by key. Exits 1 if a figure misses its bound, a group
fails, or nothing could be measured.
"""

import importlib
import json
import os
import sys
from pathlib import Path

# Before numpy and ONNX Runtime are loaded: one thread each, so that ratios compare like with like.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

GROUPS = (
    *("full_space", "plausible", "graph", "slate", "cold", "files"),
    *("appliance", "page", "sync", "scale", "optimisers"),
)
BUNDLE, OUT = Path("build/bundle"), Path("build/bench.json")


def missing(group):
    """Return what a group can't measure here, by key, with what would make it possible."""
    if not (BUNDLE / "manifest.json").exists():
        return {group: "make train-export"}
    module = importlib.import_module(f"tests.bench.{group}")
    return module.missing(BUNDLE) if hasattr(module, "missing") else {}


def measured(group):
    """Return a group's figures, and why some are missing, or None."""
    found = []
    if group in missing(group):
        return found, None
    try:
        for measure in importlib.import_module(f"tests.bench.{group}").measures(BUNDLE):
            found.append(measure)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the other figures count
        return found, f"{type(error).__name__}: {error}"
    return found, None


def main():
    from rich.console import Console
    from rich.table import Table

    # In a file or a pipe, lines may have any length.
    console = Console(width=None if sys.stdout.isatty() else 160)
    chosen = sys.argv[1:] or GROUPS
    table = Table(title=f"Benchmarks of {BUNDLE}", title_justify="left")
    for name, justify in (
        ("key", "left"),
        ("value", "right"),
        ("must", "right"),
        ("aim", "right"),
        ("", "left"),
        ("detail", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")
    figures = json.loads(OUT.read_text()) if sys.argv[1:] and OUT.exists() else {}
    missed = ran = 0
    absent = {group: missing(group) for group in chosen}
    for key, remedy in sorted({pair for one in absent.values() for pair in one.items()}):
        console.print(f"{key} is not run: {remedy}")
    for group in chosen:
        with console.status(f"measuring {group} ..."):
            found, failure = measured(group)
        for measure in found:
            ran += 1
            reached = [measure.reaches(measure.must), measure.reaches(measure.aim)]
            missed += not reached[0]
            verdict = "[green]aim[/]" if reached[1] else "must" if reached[0] else "[red]missed[/]"
            bounds = [f"{bound:,.6g} {measure.unit}" for bound in (measure.must, measure.aim)]
            value = f"{measure.value:,.3g}" if measure.value < 100 else f"{measure.value:,.0f}"
            table.add_row(measure.key, f"{value} {measure.unit}", *bounds, verdict, measure.detail)
            figures[measure.key] = {
                "value": measure.value,
                "must": measure.must,
                "aim": measure.aim,
                "detail": measure.detail,
            }
        for key, remedy in absent[group].items():
            table.add_row(key, "", "", "", "[yellow]not run[/]", f"not run: {remedy}")
            figures[key] = {"value": None, "detail": f"not run: {remedy}"}
        if failure:
            missed += 1
            table.add_row(group, "", "", "", "[red]failed[/]", failure)
            figures[group] = {"value": None, "detail": f"failed: {failure}"}
    console.print(table)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    console.print(f"written to {OUT}")
    return 1 if missed or not ran else 0


if __name__ == "__main__":
    raise SystemExit(main())

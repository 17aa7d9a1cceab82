"""`greenlight-train`, the command line: one module per group of commands.

The composition root of training. Commands import what they need when they run, so that `--help`
doesn't load training's libraries.
"""

from __future__ import annotations

from data import command_line
from training.cli.bundles import export, verify
from training.cli.figures import evaluate, report
from training.cli.films import dataset
from training.cli.inspection import inspect
from training.cli.retraining import compact, retrain
from training.cluster import end_with_workers

app = command_line.application(
    "greenlight-train",
    "Train models, measure them, and make the signed bundles that devices run.",
)
for command in (inspect, dataset, export, evaluate, report, verify, compact, retrain):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    end_with_workers()
    command_line.run(app, "greenlight-train")

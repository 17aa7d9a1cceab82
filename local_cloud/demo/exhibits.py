"""The evidence: what the cloud and the journal hold of it all."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from data import topics
from local_cloud.demo.cast import PATIENCE_SECONDS, Cast
from local_cloud.demo.stage import Stage


def show_evidence(cast: Cast) -> None:
    """Show an item, its object, the job, the shadow, and the journal."""
    with cast.stage.step("The evidence"):
        item = cast.evidence.items()[0]
        exhibit(cast.stage, f"item in the table {cast.evidence.table}", item)
        key = topics.feedback_object(item["id"])
        exhibit(cast.stage, f"object {key}", cast.evidence.content(key))
        for job in cast.evidence.job_executions():
            details = job.get("statusDetails", {}).get("detailsMap", {})
            exhibit(cast.stage, f"job {job['jobId']}", {"status": job["status"], **details})

        def settled() -> dict[str, Any] | None:
            reported = cast.evidence.reported()
            return reported if reported["outbox_depth"] == 0 else None

        shadow = cast.stage.until("the shadow to report it", settled, PATIENCE_SECONDS, *cast.logs)
        exhibit(cast.stage, "shadow, reported", shadow)
        cast.stage.show("", "the journal:")
        cast.stage.run(*cast.greenlight("history"))


def exhibit(stage: Stage, name: str, fields: dict[str, Any]) -> None:
    """Show one piece of evidence, field by field."""
    stage.console.print()
    stage.write(Text("   "), Text(name, "green"))
    table = Table(show_header=False, box=None, padding=(0, 1), pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for field, value in fields.items():
        table.add_row("    ", f"[dim]{field}[/]", str(value))
    stage.console.print(table)

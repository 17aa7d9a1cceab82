"""The template's rights as a table of docs/security.md: `make rights` writes it there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .template_text import read_template, several, statements

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
HEAD = "| role | may | on |\n|---|---|---|\n"
# What a resource's ARN says beyond the thing itself.
_ACCOUNT = re.compile(
    r"arn:\$\{AWS::Partition\}:[a-z0-9-]+:(\$\{AWS::Region\})?:(\$\{AWS::AccountId\})?:"
)


def table() -> str:
    """Return the table: each role's actions, those on the same resources in one row."""
    resources = read_template()["Resources"]
    properties = {name: resource["Properties"] for name, resource in resources.items()}
    rows: dict[tuple[str, str], list[str]] = {}
    for role, statement in statements(properties):
        on = ", ".join(f"`{_readable(one)}`" for one in several(statement["Resource"]))
        on += ", under a condition" if "Condition" in statement else ""
        rows.setdefault((role.removesuffix("Role"), on), []).extend(several(statement["Action"]))
    lines = (
        f"| {role} | {', '.join(f'`{action}`' for action in actions)} | {on} |\n"
        for (role, on), actions in sorted(rows.items())
    )
    return HEAD + "".join(lines)


def _readable(resource: Any) -> str:
    """Return a resource without account and region: `ModelsBucket/models/*`."""
    if isinstance(resource, str):
        return resource
    (how, named), *_ = resource.items()
    if how == "Fn::GetAtt":
        return str(named).removesuffix(".Arn")
    if how == "Fn::If":
        return f"{_readable(named[1])} (if {named[0]})"
    text = _ACCOUNT.sub("", named)
    return re.sub(r"\$\{(AWS::)?(\w+?)(\.Arn)?\}", r"\2", text)


def main() -> None:
    """Write the table into the page, in place of the one there."""
    text = PAGE.read_text("utf-8")
    PAGE.write_text(text.replace(on_the_page(text), table()), "utf-8")


def on_the_page(text: str) -> str:
    """Return the table as the page has it."""
    start = text.index(HEAD)
    return text[start : text.index("\n\n", start) + 1]


if __name__ == "__main__":
    main()

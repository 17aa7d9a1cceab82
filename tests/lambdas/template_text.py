"""The template as a test reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from lambdas.operator.cloudformation import TEMPLATE

THING = "Pi-1"
ACCOUNT = "arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}"


class Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": "x"}` and so on."""


def _tag(loader: Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}  # type: ignore[arg-type]


Loader.add_multi_constructor("!", _tag)


def read_template() -> dict[str, Any]:
    """Return the template, its short tags written out."""
    return yaml.load(TEMPLATE.read_text("utf-8"), Loader)


def granted(resources: dict[str, Any], action: str) -> set[str]:
    """Return what the device's policy grants for an action, for one thing."""
    found: set[str] = set()
    for statement in resources["DevicePolicy"]["PolicyDocument"]["Statement"]:
        if statement["Action"] == action:
            several = statement["Resource"]
            for one in several if isinstance(several, list) else [several]:
                arn = one["Fn::Sub"].replace("${!iot:Connection.Thing.ThingName}", THING)
                found.add(arn.removeprefix(f"{ACCOUNT}:"))
    return found


def statements(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement of the functions' and services' roles."""
    for name, resource in resources.items():
        for policy in resource.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
        for role in resource.get("Roles", []):
            for statement in resource["PolicyDocument"]["Statement"]:
                yield role["Ref"], statement


def several(one: Any) -> list[Any]:
    """Return a list of one, or the list that it is."""
    return one if isinstance(one, list) else [one]

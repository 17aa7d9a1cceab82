"""The site's reference, from what is true: command lines, example files, records.

Nothing here is written by hand but the sentences between.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import msgspec.inspect as inspected
import typer

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "greenlight": ("edge.cli:application", "The appliance."),
    "greenlight-sync": ("cloud_sync.cli:app", "The service between the appliance and AWS."),
    "greenlight-train": ("training.cli:app", "Film tables, models and reports."),
    "greenlight-cloud": ("local_cloud.cli:application", "AWS, or the local cloud."),
}
SETTINGS = {
    "The appliance": ("edge/greenlight.example.toml", "/etc/greenlight/greenlight.toml"),
    "The sync service": ("cloud_sync/sync.example.toml", "/etc/greenlight/sync/sync.toml"),
}
# What each part of the records' page shows: every record of these modules.
RECORDS = {
    "Messages": "data.messages",
    "Picks": "data.picks",
    "Films": "data.films",
    "Bundles": "data.manifest",
    "Catalogues": "data.catalogue",
    "Verdicts": "data.verdict",
    "Trust": "data.trust",
}
WORDS = {
    inspected.StrType: "text",
    inspected.IntType: "whole number",
    inspected.FloatType: "number",
    inspected.BoolType: "true or false",
    inspected.NoneType: "null",
    inspected.BytesType: "base64",
}
_SETTING = re.compile(r"^(# )?(\w+ = .+)$")


def pages() -> dict[str, str]:
    """Return the pages of the reference, by name."""
    return {
        "commands.md": commands(),
        "settings.md": settings(),
        "api.md": api(),
        "records.md": records(),
    }


# ---- commands


def commands() -> str:
    """Return the page of every executable's commands and options."""
    lines = [
        "# Commands",
        "",
        "Made from the programs themselves: what `--help` says. Every command that ends by itself",
        "takes `--json`; [exit codes](../appliance.md#exit-codes) mean the same everywhere.",
    ]
    for program, (place, purpose) in PROGRAMS.items():
        lines += ["", f"## {program}", "", purpose]
        for command, context in leaves(command_of(place), program):
            lines += ["", f"### {context.command_path}", "", *described(command, context)]
    lines += ["", "## greenlight-setup", "", "On a Pi: the installer, as it stays there.", ""]
    lines += ["```text", setup_usage(), "```", "", "## make", "", "In a checkout.", ""]
    lines += ["| target | does |", "|---|---|"]
    lines += [f"| `make {name}` | {does} |" for name, does in make_targets()]
    return "\n".join(lines) + "\n"


def command_of(place: str) -> click.Command:
    """Return the command of a program, named as `module:application`."""
    module, _, name = place.partition(":")
    app = getattr(importlib.import_module(module), name)
    return typer.main.get_command(app if isinstance(app, typer.Typer) else app())


def leaves(
    command: click.Command, name: str, above: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command below a command that has none below it itself."""
    context = click.Context(command, info_name=name, parent=above)
    if not hasattr(command, "commands"):
        yield command, context
        return
    for below, one in command.commands.items():
        if not one.hidden:
            yield from leaves(one, below, context)


def described(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a command's help as Markdown."""
    yield plain(inspect.cleandoc(command.help or "").split("\f")[0].strip())
    yield ""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("```text", usage, "```")
    rows = [row for param in command.params if (row := option_row(param, context))]
    if rows:
        yield from ("", "| option | default | what it does |", "|---|---|---|", *rows)


def option_row(param: click.Parameter, context: click.Context) -> str:
    """Return a table's row about an option or argument; nothing for the ones that all have."""
    if getattr(param, "hidden", False) or param.name == "help":
        return ""
    names = [*param.opts, *param.secondary_opts]
    name = param.make_metavar(context) if isinstance(param, click.Argument) else ", ".join(names)
    default = param.get_default(context)
    plain = str(default).replace(str(Path.home()), "~")
    shown = "" if default in (None, "", False, (), []) or callable(default) else f"`{plain}`"
    said = " ".join((getattr(param, "help", None) or "").split())
    if variable := getattr(param, "envvar", None):
        said += f" (or `{variable}` in the environment)"
    return f"| `{_cell(name)}` | {_cell(shown)} | {_cell(said)} |"


def setup_usage() -> str:
    """Return the installer's usage."""
    text = (ROOT / "systemd/install.sh").read_text("utf-8")
    found = re.search(r"<<'USAGE'\n(.*?)\nUSAGE", text, re.DOTALL)
    assert found, "systemd/install.sh has no usage"
    return found[1]


def make_targets() -> list[tuple[str, str]]:
    """Return the Makefile's targets with what they do."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return re.findall(r"^([a-z-]+):.*## (.+)$", text, re.MULTILINE)


# ---- settings


def settings() -> str:
    """Return the page of every setting, from the example files."""
    lines = [
        "# Settings",
        "",
        "Made from the example files, which the tests read. Every setting has the default shown.",
        "All errors are reported at once, with suggestions for misspelled names.",
    ]
    for title, (example, installed) in SETTINGS.items():
        about, groups = grouped((ROOT / example).read_text("utf-8"))
        lines += ["", f"## {title}", "", f"In `{installed}`. {about}"]
        for named, said in groups:
            lines += ["", *(f"`{one}`" for one in named), f":   {plain(said)}"]
    slate = (ROOT / "edge/search/slate.example.toml").read_text("utf-8")
    domain = (ROOT / "examples/lunches/lunches.domain.toml").read_text("utf-8")
    lines += [
        "",
        "## A slate",
        "",
        "For `greenlight pick --slate`: [what to make next](../picking.md).",
    ]
    lines += ["", "```toml", slate.strip(), "```", "", "## A domain", ""]
    lines += ["For a table that isn't about films: [your own table](../your-own-table.md)."]
    return "\n".join([*lines, "", "```toml", domain.strip(), "```", ""])


def grouped(text: str) -> tuple[str, list[tuple[list[str], str]]]:
    """Return what an example file says of itself, and its settings with what is said of them."""
    about, *blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    found: list[tuple[list[str], str]] = []
    section = ""
    for block in blocks:
        named, said = [], []
        for line in block:
            if line.startswith("["):
                section = line
            elif setting := _SETTING.match(line):
                value, _, note = setting[2].partition("  #")
                named.append(value.strip())
                said += [note.strip()]
            else:
                said.append(line.removeprefix("#").strip())
        if named:
            found.append((named, " ".join(filter(None, [*said, section and f"(In `{section}`.)"]))))
    return " ".join(line.removeprefix("#").strip() for line in about), found


# ---- records


def records() -> str:
    """Return the page of the records that cross a process or the network."""
    lines = [
        "# Records",
        "",
        "Made from the records in `data/`, with the newest golden example of each; no example is",
        "ever edited.",
        "[The wire format](../wire-format.md) says what they are for and which topic carries them.",
    ]
    for title, module in RECORDS.items():
        lines += ["", f"## {title}", *tables(structs(importlib.import_module(module)))]
    return "\n".join(lines) + "\n"


def api() -> str:
    """Return the page of what can be asked of a running appliance."""
    from edge.appliance import commands as owner
    from edge.appliance.control_socket import Request
    from edge.page import port
    from edge.page.app import ROUTES

    lines = [
        "# What a running appliance answers",
        "",
        "Made from the records that the appliance decodes.",
        "",
        "## The control socket",
        "",
        "One JSON line in, one JSON line out, on `control.sock` in the state folder, for members",
        "of the appliance's group. `command` names the request, an [Outcome](#outcome) answers it.",
        "The [second button](../source/examples/second_button.py.md) is a complete client.",
        *tables(get_args(Request)),
        *tables([owner.Outcome]),
        "",
        "## The page's socket",
        "",
        "What the page's process asks; it can ask nothing else. A request is a line with `cookie`,",
        "the session on whose behalf it asks, and `verb`, one of these.",
        *tables([*get_args(port.PageVerb), port.PageAnswer]),
        "",
        "## The page",
        "",
        "Addresses that a browser uses, behind the [sign-in](../page.md).",
        "",
        "| address | methods |",
        "|---|---|",
    ]
    lines += [
        f"| `{one.path}` | {', '.join(sorted((one.methods or set()) - {'HEAD'}))} |"
        for one in ROUTES
    ]
    return "\n".join(lines) + "\n"


def structs(module: Any) -> list[type[msgspec.Struct]]:
    """Return the records that a module defines, in its order."""
    found = [one for one in vars(module).values() if inspect.isclass(one)]
    mine = [one for one in found if issubclass(one, msgspec.Struct)]
    return [one for one in mine if one.__module__ == module.__name__ and one.__name__[0] != "_"]


def tables(types: Iterable[Any]) -> Iterator[str]:
    """Yield a section for each record: what it says, its fields, its golden example."""
    for one in types:
        about, notes = parted(one.__doc__ or "")
        config = one.__struct_config__
        yield from ("", f"### {one.__name__}", "", plain(about))
        rows = [
            f"| `{field.encode_name}` | {_cell(kind(inspected.type_info(field.type)))} "
            f"| {_cell(left_out(field))} | {_cell(notes.get(field.name, ''))} |"
            for field in msgspec.structs.fields(one)
        ]
        if config.tag:
            rows.insert(0, f'| `{config.tag_field}` | `"{config.tag}"` | | |')
        if rows:
            yield from ("", "| field | type | if left out | |", "|---|---|---|---|", *rows)
        yield from example(one.__name__)


def parted(text: str) -> tuple[str, dict[str, str]]:
    """Return a docstring without its attributes, and the attributes by name."""
    about, _, attributes = inspect.cleandoc(text).partition("\nAttributes:\n")
    about = re.sub(r"\n(Raises|Returns):\n.*", "", about, flags=re.DOTALL)
    if about.startswith(tuple(f"{word}(" for word in re.findall(r"\w+", about)[:1])):
        about = ""  # a record without a docstring: its signature
    found = re.findall(r"^    (\w+): (.+(?:\n     +.+)*)", attributes, re.MULTILINE)
    return about.strip(), {name: " ".join(said.split()) for name, said in found}


def kind(type_: inspected.Type) -> str:
    """Return in words what a field holds."""
    match type_:
        case inspected.UnionType(types):
            return " or ".join(kind(one) for one in types)
        case inspected.LiteralType(values):
            return " or ".join(f'`"{one}"`' for one in values)
        case inspected.EnumType(cls):
            return " or ".join(f'`"{one.value}"`' for one in cls)
        case inspected.StructType(cls) | inspected.DataclassType(cls):
            return cls.__name__
        case inspected.ListType(items) | inspected.VarTupleType(items) | inspected.SetType(items):
            return f"list of {kind(items)}"
        case inspected.TupleType(items):
            return f"[{', '.join(kind(one) for one in items)}]"
        case inspected.DictType(_, value):
            return f"object of {kind(value)}"
    return WORDS.get(type(type_), "anything")


def left_out(field: Any) -> str:
    """Return what a field is if it's left out; nothing if it's required."""
    if field.required:
        return ""
    try:
        return f"`{msgspec.json.encode(field.default).decode()}`"
    except (TypeError, msgspec.ValidationError):
        return "see above"


def example(name: str) -> Iterator[str]:
    """Yield the newest golden example of a record, if it has one."""
    stem = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    versions = {
        int(found[1]): path
        for path in (ROOT / "data/golden").iterdir()
        if (found := re.fullmatch(rf"{stem}\.v(\d+)\.json", path.name))
    }
    if versions:
        path = versions[max(versions)]
        text = json.dumps(json.loads(path.read_text("utf-8")), indent=2, ensure_ascii=False)
        yield from ("", f'??? example "An example: {path.name}"', "", "    ```json")
        yield from (f"    {line}" for line in text.splitlines())
        yield "    ```"


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|").replace("\n", " ")


def plain(text: str) -> str:
    """Return text in which nothing looks like HTML: <thing> is a word for something."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)

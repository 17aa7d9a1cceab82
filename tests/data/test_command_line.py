"""What all executables have in common: how they end, with and without `--json`."""

import contextlib
import json
import os
import subprocess
import sys
from typing import Annotated

import pytest
import typer

from data import command_line
from data.command_line import JsonOption
from data.errors import GreenlightError
from data.exits import Exit


class NoCloud(GreenlightError):
    exit_code = Exit.NOT_RUNNING


def tool():
    app = command_line.application("tool", "Does things.")
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="noun")

    @group.command()
    def fail(kind: str, as_json: JsonOption = False) -> None:
        raise {"known": NoCloud("no cloud"), "foreign": OSError("no file")}.get(
            kind, RuntimeError(kind)
        )

    @group.command()
    def write(path: Annotated[str, typer.Option("--json")]) -> None:
        raise NoCloud("no cloud")

    @group.command()
    def answer(as_json: JsonOption = False) -> None:
        command_line.print_json({"answer": 42})

    return app


def explain(error):
    return GreenlightError(f"explained: {error}") if isinstance(error, OSError) else None


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["tool", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.run(tool(), "tool", explain)
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("known", Exit.NOT_RUNNING, "no cloud"),
        ("foreign", Exit.FAILED, "explained: no file"),
    ],
)
def test_a_failure_is_one_sentence_or_one_document_with_the_same_exit_code(run, kind, code, reason):
    assert run("noun", "fail", kind) == (code, "", f"tool: {reason}\n")
    ended, out, err = run("noun", "fail", kind, "--json")
    assert (ended, err) == (code, "")
    assert json.loads(out) == {"ok": False, "error": reason, "exit_code": code}


def test_an_unexpected_error_ends_with_70_and_leaves_its_traceback(run):
    code, out, err = run("noun", "fail", "unexpected")
    assert (code, out) == (Exit.FAULT, "")
    assert "Traceback" in err
    code, out, err = run("noun", "fail", "unexpected", "--json")
    assert "Traceback" in err
    assert json.loads(out)["exit_code"] == code == Exit.FAULT


def test_wrong_usage_ends_with_2_and_is_json_where_json_was_asked_for(run):
    code, out, err = run("noun", "fail")
    assert (code, out) == (Exit.USAGE, "")
    assert "Missing argument" in err
    code, out, err = run("noun", "fail", "--json")
    assert (code, err) == (Exit.USAGE, "")
    assert "Missing argument" in json.loads(out)["error"]


def test_an_answer_ends_with_0_in_both_forms(run):
    assert run("noun", "answer", "--json") == (Exit.OK, '{"answer":42}\n', "")
    assert run("noun", "answer")[0] == Exit.OK


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_and_version_are_there_for_every_executable(run, word):
    code, out, _ = run(word)
    assert code == Exit.OK
    assert "--version" in out
    assert "--show-completion" in out
    assert run("noun", "fail", word)[0] == Exit.OK
    code, out, _ = run("--version")
    assert code == Exit.OK
    assert out.startswith("tool ")


def test_a_json_option_that_names_a_file_changes_nothing_in_how_a_failure_looks(run):
    assert run("noun", "write", "--json", "x.json") == (69, "", "tool: no cloud\n")


def test_a_closed_output_does_not_change_the_exit_code():
    """Python alone would end with 120: text is left in the buffer, and its reader is gone."""
    program = """
import sys
from data import command_line
app = command_line.application("tool", "Does things.")
@app.command()
def leave() -> None:
    sys.stdin.read()
    sys.stdout.write("half a line")
command_line.run(app, "tool")
"""
    with (
        subprocess.Popen(
            [sys.executable, "-c", program, "leave"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        ) as process,
        contextlib.ExitStack() as ending,
    ):
        ending.callback(process.kill)
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == 0

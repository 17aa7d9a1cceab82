"""The trust document, made and signed offline by the operator's commands, step by step."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.trust import begin, follow
from local_cloud.cli import application


def trust(*words: object) -> tuple[bool, str]:
    """Run a command; return whether it succeeded, and what it printed or was refused for."""
    done = CliRunner().invoke(application(), ["trust", *map(str, words)])
    return done.exit_code == 0, done.stdout or str(done.exception)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("alice", "bob", "carol", "models", "next-models"):
        assert trust("key", tmp_path / f"{name}.pem")[0]
    return tmp_path


def draft(keys: Path, roots: list[str], models: str, *more: object) -> None:
    files = [word for name in roots for word in ("--root", keys / f"{name}.pub.pem")]
    words = [*files, "--threshold", 2, "--models", keys / f"{models}.pub.pem", *more]
    assert trust("draft", keys, *words)[0]


def sign(keys: Path, version: int, *names: str) -> None:
    for name in names:
        assert trust("sign", keys / f"trust-{version}.json", "--key", keys / f"{name}.pem")[0]


def test_two_root_keys_make_a_document_and_change_it(keys: Path) -> None:
    assert stat.S_IMODE((keys / "alice.pem").stat().st_mode) == 0o600
    first, second = keys / "trust-1.json", keys / "trust-2.json"
    draft(keys, ["alice", "bob"], "models")
    sign(keys, 1, "alice")
    done, output = trust("check", first)
    assert not done
    assert "signed by 1 of its own root keys; 2 must sign" in output
    sign(keys, 1, "bob")
    assert trust("check", first)[0]
    draft(keys, ["bob", "carol"], "next-models", "--after", first)
    sign(keys, 2, "bob", "carol")
    assert "1 of version 1's root keys; 2 must sign" in trust("check", second, "--after", first)[1]
    sign(keys, 2, "alice")
    done, output = trust("check", second, "--after", first, "--json")
    assert json.loads(output)["version"] == 2
    assert follow(begin(first.read_bytes()), second.read_bytes()).version == 2


def test_nothing_is_overwritten_and_no_root_key_gets_another_role(keys: Path) -> None:
    assert "exists already" in trust("key", keys / "alice.pem")[1]
    draft(keys, ["alice", "bob"], "models")
    words = ("--root", keys / "alice.pub.pem", "--models", keys / "models.pub.pem")
    assert "a version is never changed" in trust("draft", keys, *words)[1]
    words = ("--root", keys / "alice.pub.pem", "--models", keys / "alice.pub.pem")
    done, output = trust("draft", keys / "other", *words)
    assert not done
    assert "holds a root key" in output
    assert not (keys / "other").exists()

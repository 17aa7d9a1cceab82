"""Warnings are kept until they are read or their cause is gone."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import msgspec
import pytest

from edge.appliance.attention import ATTENTION_FILE, Attention, Warned, kept_warnings


def test_what_a_start_finds_out_for_itself_is_left_out(tmp_path: Path):
    lit: list[bool] = []
    before = Attention(lit.append, tmp_path)
    before.raise_("disk", "the disk is full")
    before.raise_("model", "version 2 was refused")
    after = Attention(lit.append, tmp_path)
    after.restore()
    assert after.sentences == ["version 2 was refused"]
    assert after.warnings == before.warnings[1:]
    assert lit == [True, True]


def test_what_a_start_finds_again_has_the_time_when_it_was_first_found(tmp_path: Path):
    first = Warned("disk", "the disk is full", "2026-01-02T03:04:05+00:00")
    (tmp_path / ATTENTION_FILE).write_bytes(msgspec.json.encode([first]))
    after = Attention(lambda _: None, tmp_path)
    after.restore()
    after.raise_("disk", "the disk is full")
    assert after.warnings == [first]
    after.clear("disk")
    after.raise_("disk", "the disk is full")
    assert after.warnings != [first], "it was gone in between"


def test_a_warning_raised_again_keeps_its_time(tmp_path: Path):
    attention = Attention(lambda _: None, tmp_path)
    attention.raise_("model", "refused")
    first = attention.warnings
    attention.raise_("model", "refused")
    assert attention.warnings == first
    attention.clear("model")
    assert kept_warnings(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_damaged_file_costs_the_warnings_alone(tmp_path: Path, content: bytes):
    (tmp_path / ATTENTION_FILE).write_bytes(content)
    attention = Attention(lambda _: None, tmp_path)
    attention.restore()
    assert attention.sentences == []
    attention.raise_("model", "refused")
    assert [warning.sentence for warning in kept_warnings(tmp_path)] == ["refused"]


def test_a_disk_that_takes_nothing_still_shows_them(tmp_path: Path):
    attention = Attention(lambda _: None, tmp_path / "missing")
    attention.raise_("model", "refused")
    assert attention.sentences == ["refused"]


def test_the_light_hears_of_it_on_its_own_thread():
    async def visit() -> None:
        heard: list[int] = []
        attention = Attention(lambda _: heard.append(threading.get_ident()))
        await asyncio.to_thread(attention.raise_, "disk", "full")
        assert attention.sentences == ["full"]
        assert heard == [threading.get_ident()]

    asyncio.run(visit())

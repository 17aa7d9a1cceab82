"""A copied card sends nothing in the first device's name until its owner has decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_sync import board, cli
from cloud_sync.board import CopiedCard, check_board
from data.exits import Exit
from edge.journal import JOURNAL, ON_ANOTHER_BOARD, Journal


@pytest.fixture
def serial(tmp_path: Path, monkeypatch) -> Path:
    path = tmp_path / "serial-number"
    path.write_bytes(b"10000000aaaa\0")
    monkeypatch.setattr(board, "SERIAL", path)
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem.crt"
    path.write_text("of the first device")
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / JOURNAL) as journal:
        yield journal


@pytest.mark.usefixtures("serial")
def test_on_its_own_board_a_card_goes_on(certificate, kept):
    for _ in range(2):
        check_board(kept, certificate, "now")
    assert "connection" not in kept.sync_state()


def test_a_copy_is_noticed_until_it_has_its_own_certificate(serial, certificate, kept):
    check_board(kept, certificate, "now")
    serial.write_bytes(b"10000000bbbb\0")
    for _ in range(2):
        with pytest.raises(CopiedCard, match="greenlight-setup connect"):
            check_board(kept, certificate, "now")
    assert kept.sync_state()["connection"]["state"] == ON_ANOTHER_BOARD
    certificate.write_text("of the second device")
    check_board(kept, certificate, "now")
    check_board(kept, certificate, "now")


def test_where_no_board_says_its_number_nothing_is_noticed(serial, certificate, kept):
    serial.unlink()
    check_board(kept, certificate, "now")
    assert kept.sync_state() == {}


def test_the_service_rests_on_another_board_until_the_owner_accepts_it(serial, config: Path):
    command = ["--config", str(config)]
    path = config.parent / "state" / JOURNAL
    path.parent.mkdir()
    with Journal.open(path) as journal:
        check_board(journal, config.parent / "crt", "now")
    serial.write_bytes(b"10000000bbbb\0")
    done = CliRunner().invoke(cli.app, ["run", *command])
    assert (done.exit_code, "nothing is sent" in done.output) == (Exit.CONFIGURATION, True)
    done = CliRunner().invoke(cli.app, ["new-board", *command])
    assert done.exit_code == 0, done.output
    with Journal.open(path) as journal:
        check_board(journal, config.parent / "crt", "now")

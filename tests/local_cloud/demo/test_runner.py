"""What the demonstration shows fits any terminal, and what it says when a wait is over."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from local_cloud.demo.runner import Runner, StepFailed
from training.export.example_bundle import make_example_bundle

ROOT = Path(__file__).parents[3]
# The real commands, drawn by the real runner: a step, a grid and a box, tables, long lines.
SHOWN = """
import sys
from pathlib import Path
from local_cloud.demo.__main__ import summary
from local_cloud.demo.runner import Runner
folder = Path(sys.argv[1])
runner = Runner(folder)
with runner.step("A model: trained, converted to ONNX, checked on every row, signed with a key"):
    runner.run("greenlight", "pick", "--classic", "--bundle", str(folder / "bundle"))
    runner.run("greenlight", "pick", "--help")
    runner.run("greenlight-train", "verify", str(folder / "bundle"))
    runner.show('{"model_hash": "' + "0123456789abcdef" * 12 + '", "outcome": "agreed"}')
runner.show_record("object feedback/" + "a" * 80, {"sha256": "0123456789abcdef" * 4, "stars": 7})
summary(runner)
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LEFT = {"╭": "╮", "┌": "┐", "│": "│", "├": "┤", "╰": "╯", "└": "┘"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_example_bundle(folder / "bundle")
    return folder


def piped(folder: Path, width: int, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SHOWN, str(folder)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(width), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def on_a_terminal(folder: Path, width: int, **environment: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TERM")}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWN, str(folder)],
        cwd=ROOT,
        env={"TERM": "xterm-256color", **inherited, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65_536):
            said += chunk
    except OSError:
        pass  # the terminal is closed: the process has ended
    finally:
        os.close(ours)
    assert process.wait(60) == 0, said.decode()[-2000:]
    return said.decode().replace("\r\n", "\n")


def check(said: str, width: int) -> None:
    """Assert that every line fits, and that every box is closed on its right."""
    lines = [_ESCAPES.sub("", line) for line in said.splitlines()]
    boxes = 0
    for line in lines:
        assert cell_len(line) <= width, f"{cell_len(line)} cells: {line!r}"
        if (bare := line.strip()) and bare[0] in _LEFT:
            assert bare[-1] == _LEFT[bare[0]], f"the box is open: {line!r}"
            boxes += bare[0] in "╭┌"
        else:
            assert not any(corner in bare for corner in "╮┐╯┘"), f"a border alone: {line!r}"
    assert boxes, "there are boxes to look at"
    assert sum(line.strip()[:1] in {"╰", "└"} for line in lines) == boxes


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_is_piped_fits_and_has_no_colours(folder: Path, width: int) -> None:
    said = piped(folder, width)
    check(said, width)
    assert "\x1b" not in said


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_is_filled_and_coloured(folder: Path, width: int) -> None:
    said = on_a_terminal(folder, width)
    check(said, width)
    assert "\x1b[1;32m" in said


def test_no_color_means_no_colour(folder: Path) -> None:
    said = on_a_terminal(folder, 80, NO_COLOR="1")
    check(said, 80)
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", said)


@pytest.mark.parametrize("width", [60, 200])
def test_a_dumb_terminal_gets_plain_lines_of_its_width(folder: Path, width: int) -> None:
    said = on_a_terminal(folder, width, TERM="dumb")
    check(said, width)
    assert "\x1b" not in said


def test_a_wait_that_is_over_says_what_for_how_long_and_what_the_log_knows(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.log("greenlight-sync").write_text("connecting\ngaierror: Name or service not known\n")
    log = runner.log("greenlight-sync")
    with pytest.raises(StepFailed) as failed:
        runner.until("sync to come online over mutual TLS", lambda: None, 0.2, log)
    assert str(failed.value).startswith("waited 0 s for sync to come online over mutual TLS")
    assert "gaierror: Name or service not known" in str(failed.value)


def test_a_command_that_does_not_end_is_ended_and_named(tmp_path: Path) -> None:
    code = "import time; print('half way', flush=True); time.sleep(600)"
    begun = time.monotonic()
    with pytest.raises(StepFailed, match=r"waited 2 s for `python .*half way"):
        Runner(tmp_path).run("python", "-c", code, seconds=2.0)
    assert time.monotonic() - begun < 60


def test_while_a_command_is_silent_its_log_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("local_cloud.demo.runner._SILENCE_SECONDS", 0.1)
    job = tmp_path / "greenlight-retrain-2"
    job.mkdir()
    (job / "output.log").write_text("retrain:  43% compile and convert\n")
    # Silent for longer than the second that the runner waits at most between two looks.
    code = "import time; time.sleep(2); print('done')"
    Runner(tmp_path).run("python", "-c", code, follow=tmp_path)
    shown = capsys.readouterr().out
    assert "s: retrain:  43% compile and convert" in shown
    assert shown.index("43%") < shown.rindex("done")

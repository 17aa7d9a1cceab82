"""The demonstration, from end to end, on a small bundle: every part in it is the real one."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from data.film_table import write_films
from training.export.example_bundle import made_up_films, make_example_bundle

from .test_runner import check

ROOT = Path(__file__).parents[3]
WIDTH = 80


def play(folder: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_cloud.demo"]
    # A relative path, as in `make demo`; parts with another working folder must cope with it.
    folder = Path(os.path.relpath(folder, ROOT))
    return subprocess.run(
        [
            *(*command, "--folder", str(folder), "--bundle", str(bundle)),
            *("--films", str(bundle.with_name("films.csv"))),
        ],
        cwd=ROOT,
        # So few films are fitted sooner by one process than by two that have to start first.
        env={**os.environ, "COLUMNS": str(WIDTH), "SM_NUM_CPUS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )


def still_running(folder: Path) -> list[psutil.Process]:
    """Return the processes still using this folder, after a moment for those that are ending."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if folder.name in " ".join(process.info["cmdline"] or [])
    ]
    _, alive = psutil.wait_procs(found, timeout=10)
    return alive


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need, and a name that no other session's has."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


@pytest.mark.slow
def test_the_whole_story_is_played_and_nothing_is_left_running(tmp_path, folder):
    # Enough films that a season of a tenth as many has ratings enough to hold out.
    bundle = tmp_path / "given" / "bundle"
    make_example_bundle(bundle, directors=300)
    write_films(bundle.with_name("films.csv"), made_up_films(300))
    played = play(folder, bundle)
    assert played.returncode == 0, played.stdout[-3000:]
    assert "4 items in the table · 4 objects in the bucket" in played.stdout
    said = " ".join(played.stdout.split())
    # The season's ratings prove the new model better; then it arrives, and says what changed.
    assert re.search(r"released version 2: On \d+ held-out ratings the new model is better", said)
    assert re.search(r"stars were expected; by version 2:", said)
    # Nobody is there to play, so the page was opened by the link and nothing is left running.
    assert re.search(r"the page, now signed in: .* · Greenlight", said)
    assert "Your turn" not in said
    assert "All of it in" in played.stdout
    check(played.stdout, WIDTH)
    assert still_running(folder) == []


@pytest.mark.slow
def test_a_step_that_fails_ends_the_story_with_its_reason_and_nothing_running(tmp_path, folder):
    bundle = tmp_path / "given" / "bundle"
    make_example_bundle(bundle)
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    played = play(folder, bundle)
    assert played.returncode == 1
    assert "The demonstration failed." in played.stdout
    # Lines break anywhere, since they hold paths.
    assert "model.onnx" in "".join(played.stdout.split())
    assert still_running(folder) == []

"""`make play`: the appliance on this machine, from a model to a rating by keys alone."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import socket
import subprocess
import sys
import time

import segno


def test_a_first_evening_by_keys_alone_and_a_second_that_resumes(tmp_path, keys_folder, rebundle):
    rebundle(tmp_path / "bundle", version=1)
    command = [sys.executable, "-m", "edge", "play", "--port", "0"]
    command += ["--bundle", str(tmp_path / "bundle"), "--state", str(tmp_path / "play")]
    environment = {**os.environ, "GREENLIGHT_KEYS": str(keys_folder)}
    for typed in (
        [("model: films", b" "), ("two blinks", b"a"), ("approved: ", b"r8"), ("8 stars", b"q")],
        [("model: films", b"q")],
    ):
        seen = _play(command, environment, typed)
        assert re.search(r"PIN is \d{8}\b", seen)
        assert "page: http://localhost:" in seen
        assert "sync service" not in seen
    history = [sys.executable, "-m", "edge", "history", "--csv", "--state", str(tmp_path / "play")]
    kept = subprocess.run(history, capture_output=True, text=True, check=True, timeout=60)
    (row,) = csv.DictReader(kept.stdout.splitlines())
    assert (row["decision"], row["stars"], row["rating_source"]) == ("approved", "8", "owner")


def test_a_phone_gets_a_qr_code_of_an_address_that_it_can_reach(tmp_path, keys_folder, rebundle):
    rebundle(tmp_path / "bundle", version=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "edge", "play", "--lan", "--port", str(port)]
    command += ["--bundle", str(tmp_path / "bundle"), "--state", str(tmp_path / "play")]
    environment = {**os.environ, "GREENLIGHT_KEYS": str(keys_folder)}
    seen = _play(command, environment, [("model: films", b"?q")])
    address, link = re.search(rf"(http://(.+):{port}/sign-in\?link=\S+)", seen).group(1, 2)
    if link != "localhost":
        drawn = io.StringIO()
        segno.make(address, error="l", micro=False).terminal(drawn, border=2, compact=True)
        assert drawn.getvalue() in re.sub(r"\x1b\[\w*[A-Za-z]|\r", "", seen)
    else:
        assert "no QR code" in seen
    assert seen.count("keys: space presses, a approves") == 2


def test_without_a_model_it_says_how_to_make_one(tmp_path):
    command = [sys.executable, "-m", "edge", "play", "--bundle", str(tmp_path / "none")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.endswith("make one with `make train-export`\n")
    assert list(tmp_path.iterdir()) == []


def _play(command: list[str], environment: dict[str, str], typed: list[tuple[str, bytes]]) -> str:
    """Run it on a terminal, typing each answer once its cue is seen; return what was shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as process:
        os.close(theirs)
        seen = ""
        deadline = time.monotonic() + 90
        try:
            for cue, keys in [*typed, ("stopping", b"")]:
                while cue not in seen:
                    assert time.monotonic() < deadline, f"{cue!r} was never seen in {seen!r}"
                    seen += os.read(ours, 4096).decode("utf-8", "replace")
                os.write(ours, keys)
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                process.kill()
            os.close(ours)
    return seen

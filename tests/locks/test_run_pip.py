"""Of pip's output only progress and errors reach the user; all of it is in the log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN_PIP = Path(__file__).parents[2] / "locks/run_pip.py"


@pytest.fixture
def run_pip(tmp_path):
    """Runs the script with a fake pip that prints and exits as given."""

    def run(output: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pip").mkdir()
        (tmp_path / "pip/__init__.py").touch()
        (tmp_path / "pip/__main__.py").write_text(
            f"import sys\nprint({output!r}.format(' '.join(sys.argv[1:])))\nsys.exit({code})\n"
        )
        (tmp_path / "lock.txt").write_text("one==1\ntwo==2 ; python_version < '3'\n")
        return subprocess.run(
            [sys.executable, RUN_PIP, tmp_path / "log", "install", "-r", tmp_path / "lock.txt"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )

    return run


def test_a_lock_is_installed_without_a_resolver_and_by_its_hashes(run_pip, tmp_path):
    run_pip("{}")
    words = (tmp_path / "log").read_text().split()
    assert {"--no-deps", "--require-hashes"} <= set(words)


def test_warnings_go_to_the_log_alone(run_pip, tmp_path):
    done = run_pip("WARNING: as root\n  and so on\nIgnoring two: marker\nCollecting one==1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 package installed" in done.stdout
    assert "WARNING: as root" in (tmp_path / "log").read_text()


def test_errors_are_shown_with_where_the_log_is(run_pip, tmp_path):
    done = run_pip("WARNING: a\n  b\nERROR: no such thing\n  as one==1\nWARNING: c", 2)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ERROR: no such thing",
        "  as one==1",
        f"pip install failed (exit code 2); all its output: {tmp_path / 'log'}",
    ]


def test_a_failure_that_names_no_error_shows_the_last_lines(run_pip):
    done = run_pip("Traceback (most recent call last):\nMemoryError", 1)
    assert "MemoryError" in done.stderr

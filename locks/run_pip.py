"""Runs pip without its resolver, and shows only progress and errors; the rest goes to a log.

usage: run_pip.py LOG COMMAND [PIP OPTION...]     such as: build/pip.log install -r locks/dev.txt

A lock (`-r`) is complete, so pip has nothing to resolve: `--no-deps` takes exactly what is locked,
whatever has been published since, and `--require-hashes` refuses anything else. Needs nothing but
Python and pip: it sets up development environments, a Pi, and packages for AWS.
"""

import os
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

# How often a line of progress is due.
PROGRESS_SECONDS = 10
# pip has its own timeouts for the network; one that prints nothing for this long is stuck.
SILENCE_SECONDS = 1800
# Lines to show of a failure in which pip names no error.
LAST_LINES = 12

# One of these for each package: from the index, from a folder of wheels, or there already.
_TAKEN = re.compile(r"(?:Collecting|Processing .*/|Requirement already satisfied:) ?([\w.-]+)")
_SPEAKER = re.compile(r"ERROR|WARNING|DEPRECATION|\[notice\]")


class Progress:
    """Follows pip's output, and says how far it is."""

    def __init__(self, lock: str | None):
        # pip itself reports a lock that is missing.
        text = Path(lock).read_text("utf-8") if lock and Path(lock).is_file() else ""
        entries = text.splitlines()
        self.total = sum(entry[:1].isalnum() and "==" in entry for entry in entries)
        self.taken = 0
        self.now = ""
        self.installing = False

    def follow(self, line: str) -> None:
        """Take one line of pip's output."""
        if line.startswith("Ignoring "):
            self.total -= 1  # its marker is for another Python or machine
        elif line.startswith("Installing collected packages"):
            self.installing = True
        elif found := _TAKEN.match(line):
            self.taken += 1
            self.now = found[1].partition("-")[0] if line.startswith("Proc") else found[1]

    def __str__(self) -> str:
        if self.installing:
            return f"installing {self.taken} packages"
        return f"{self.taken} of {self.total} packages fetched, at {self.now or 'the first'}"


def errors_in(lines: list[str]) -> list[str]:
    """Return pip's errors with the lines that belong to them; if there are none, the last lines."""
    found: list[str] = []
    wanted = False
    for line in lines:
        if _SPEAKER.match(line):
            wanted = line.startswith("ERROR")
        if wanted:
            found.append(line)
    return found or lines[-LAST_LINES:]


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def run(log: Path, command: list[str]) -> int:
    """Run pip and return its exit code."""
    lock = command[command.index("-r") + 1] if "-r" in command else None
    options = ["--no-deps", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    options += ["--require-hashes"] if lock else []
    # Isolated itself (python -I), it keeps pip so.
    python = [sys.executable, *(["-I"] if sys.flags.isolated else [])]
    log.parent.mkdir(parents=True, exist_ok=True)
    began = shown = heard = time.monotonic()
    progress, said = Progress(lock), []
    process = subprocess.Popen(
        [*python, "-m", "pip", command[0], *options, *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    try:
        with log.open("w", encoding="utf-8") as file:
            while True:
                try:
                    line = lines.get(timeout=1)
                except queue.Empty:
                    line = ""
                now = time.monotonic()
                if line is None:
                    break
                if line:
                    heard = now
                    file.write(line)
                    file.flush()
                    said.append(line.rstrip("\n"))
                    progress.follow(line)
                elif now - heard > SILENCE_SECONDS:
                    said.append(f"ERROR: pip said nothing for {SILENCE_SECONDS / 60:.0f} minutes")
                    process.kill()
                if lock and now - shown >= PROGRESS_SECONDS:
                    shown = now
                    print(f"    {progress}, {now - began:.0f} s", flush=True)
        code = process.wait(timeout=60)
    finally:
        process.kill()
    if code:
        print("\n".join(errors_in(said)), file=sys.stderr)
        print(f"pip {command[0]} failed (exit code {code}); all its output: {log}", file=sys.stderr)
    elif lock:
        done = "installed" if command[0] == "install" else "fetched"
        what = "1 package" if progress.taken == 1 else f"{progress.taken} packages"
        print(f"    {what} {done}, {time.monotonic() - began:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    raise SystemExit(run(Path(sys.argv[1]), sys.argv[2:]))

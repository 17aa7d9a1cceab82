"""Runs a command as a shell does with `&`: on a terminal whose foreground is another process group.

`python in_background.py FOREGROUND COMMAND ...`: with FOREGROUND `first`, the command starts in the
foreground and is moved to the background, as by Ctrl-Z and `bg`, once it has printed `ready`; with
`never`, it starts in the background. SIGTERM is passed on; the exit code is the command's.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

_KEYS = b" "


def main(foreground: str, command: list[str]) -> int:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    ours, terminal = pty.openpty()
    os.setsid()
    os.close(os.open(os.ttyname(terminal), os.O_RDWR))  # becomes the terminal that controls us
    running = subprocess.Popen(
        command, stdin=terminal, stdout=subprocess.PIPE, process_group=0, restore_signals=True
    )
    signal.signal(signal.SIGTERM, lambda *_: running.terminate())
    os.tcsetpgrp(terminal, running.pid if foreground == "first" else os.getpgrp())
    assert running.stdout is not None
    for line in running.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
        if line.strip() == b"ready":
            os.tcsetpgrp(terminal, os.getpgrp())
            # What is typed now is for the shell.
            os.write(ours, _KEYS)
    # Stopped by a signal of the terminal, it would never end.
    _, status = os.waitpid(running.pid, os.WUNTRACED)
    return os.waitstatus_to_exitcode(status) if not os.WIFSTOPPED(status) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

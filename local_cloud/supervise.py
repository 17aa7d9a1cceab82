"""Runs a command that ends when its parent does: `python supervise.py COMMAND...`.

Its standard input is a pipe from its parent. When that closes, because the parent closed it or
died, the command is stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

_STOP_SECONDS = 8.0


def main() -> int:
    """Run the command until it ends, standard input closes, or SIGTERM arrives."""
    # Inherited descriptors are for the command.
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, close_fds=False)
    signal.signal(signal.SIGTERM, lambda *_: command.terminate())

    def watch() -> None:
        while os.read(0, 1):
            pass
        command.terminate()
        try:
            command.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            command.kill()

    threading.Thread(target=watch, daemon=True).start()
    return command.wait()


if __name__ == "__main__":
    sys.exit(main())

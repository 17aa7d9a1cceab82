"""A candidate model's first run, in a process of its own with limits on memory and time.

Whatever the model does there - crash, hang, eat memory - the appliance goes on answering.
`python -m edge.trial FOLDER KEYS_FOLDER MEMORY_BYTES SECONDS` is the child: it says `ok` as its
last line, or why not.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from edge.activation import Refused

_OK = "ok"
_REFUSED = 3
_LONGEST_REASON = 300
# What the process itself needs before any model is loaded: address space that the libraries
# reserve, most of it never touched.
_BASE_BYTES = 500_000_000


def try_model(folder: Path, keys: Path, *, seconds: float, memory_bytes: int) -> None:
    """Load the bundle in a child and run its probes.

    Args:
        folder: a bundle that nobody else can change any more.
        keys: the folder of trusted public keys.
        seconds: after which the child is killed.
        memory_bytes: that loading and probing may take.

    Raises:
        Refused: saying what the model did.
    """
    command = [sys.executable, "-m", "edge.trial", str(folder), str(keys)]
    command += [str(memory_bytes), str(seconds)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # An address in the notification socket would let the child speak for the appliance.
    environment.pop("NOTIFY_SOCKET", None)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"did not finish its trial within {seconds:g} s") from error
    if done.returncode == 0 and done.stdout.splitlines()[-1:] == [_OK.encode()]:
        return
    raise Refused(_reason(done))


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode == _REFUSED:
        return done.stdout.decode("utf-8", "replace").strip()[:_LONGEST_REASON]
    if done.returncode == -signal.SIGXCPU:
        return "took too much processor time in its trial"
    if done.returncode < 0:
        return f"crashed in its trial ({signal.Signals(-done.returncode).name})"
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"failed in its trial: {''.join(last)[:_LONGEST_REASON] or done.returncode}"


def _child(folder: str, keys: str, memory_bytes: str, seconds: str) -> int:
    limit = _BASE_BYTES + int(memory_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu = int(float(seconds)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))

    from data.bundle import read_bundle
    from data.errors import GreenlightError
    from data.signing import read_public_keys
    from edge.graph_rules import check_graph
    from edge.model import Model
    from edge.probing import check_answers

    try:
        bundle = read_bundle(Path(folder), read_public_keys(Path(keys)))
        check_graph(bundle.model)
        check_answers(Model.load(bundle), bundle)
    except GreenlightError as error:
        print(error)
        return _REFUSED
    except MemoryError:
        print("takes too much memory")
        return _REFUSED
    print(_OK)
    return 0


if __name__ == "__main__":
    raise SystemExit(_child(*sys.argv[1:]))

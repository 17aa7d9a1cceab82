"""A candidate model's first run, in a separate process with limits and without rights.

Whatever the model does there (crash, hang, use up memory, take the process over), the appliance
keeps working, and only a verdict comes out (`edge.models.sandbox`).
`python -m edge.models.trial FOLDER KEYS_FOLDER MEMORY_BYTES SECONDS` is the child: it says `ok` as
its last line, or why not.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.models.activation import Refused

_log = logging.getLogger(__name__)

_OK = "ok"
_REFUSED = 3
_NO_SANDBOX = 4
_NO_MEMORY = 5
_LONGEST_REASON = 300
_LONGEST_OUTPUT = 64 * 1024
# How numpy, ONNX Runtime and the standard library report it.
_OUT_OF_MEMORY = ("MemoryError", "Failed to allocate memory", "bad_alloc")
_KILLED_SECONDS = 10.0
_POLL_SECONDS = 0.1
# Of a trial's time, so much is for presses: a slow device plays fewer of them and refuses nothing.
_PRESS_SHARE = 0.1
# What the process itself needs before any model is loaded: address space that the libraries
# reserve, most of it never touched.
_BASE_BYTES = 500_000_000


class TrialKilled(OSError):
    """The child was killed from outside, or had no memory from the start: no verdict on the model.

    When memory runs short, the kernel may kill any process.
    """


class TrialInterrupted(Exception):
    """The appliance is stopping; the model wasn't judged, and its offer stays open."""


def try_model(
    folder: Path,
    keys: Path,
    trust: Path,
    *,
    seconds: float,
    memory_bytes: int,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Load the bundle in a child and run its probes.

    Args:
        folder: a bundle that no one else can change any more.
        keys: the folder of trusted public keys.
        trust: the folder of trust documents that were followed here.
        seconds: after which the child is killed.
        memory_bytes: that loading and probing may take.
        stopping: called regularly; returns whether to give up.

    Raises:
        Refused: saying what the model did.
        TrialInterrupted: `stopping` said so.
        NoSandbox, TrialKilled: this device can't run a trial, or can't right now. That isn't a
            verdict: the offer stays open.
    """
    # -B: Python doesn't notice when its limit on file sizes cuts off the bytecode that it writes,
    # and every later start would stumble over the half that is left.
    command = [sys.executable, "-B", "-m", "edge.models.trial", str(folder), str(keys)]
    command.append(str(trust))
    command += [str(memory_bytes), str(seconds)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # As the appliance has it: large pieces of memory go back as soon as they are free.
    environment |= {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    # An address in the notification socket would let the child speak for the appliance.
    environment.pop("NOTIFY_SOCKET", None)
    try:
        done = _run(command, environment, seconds, stopping)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"did not finish its trial within {seconds:g} s") from error
    if done.returncode == 0 and done.stdout.splitlines()[-1:] == [_OK.encode()]:
        return
    if done.returncode == _NO_SANDBOX:
        from edge.models.sandbox import NoSandbox

        raise NoSandbox(done.stdout.decode("utf-8", "replace").strip()[:_LONGEST_REASON])
    if done.returncode == _NO_MEMORY:
        raise TrialKilled("the trial had no memory from the start")
    if done.returncode == -signal.SIGKILL:
        raise TrialKilled("the trial was killed from outside, probably because memory ran short")
    raise Refused(_reason(done))


def _run(
    command: list[str],
    environment: dict[str, str],
    seconds: float,
    stopping: Callable[[], bool],
) -> subprocess.CompletedProcess[bytes]:
    deadline = time.monotonic() + seconds
    # Files in memory and not pipes: a child that writes without end meets its file size limit, and
    # a full disk is not held against the model.
    with (
        os.fdopen(os.memfd_create("out"), "w+b") as out,
        os.fdopen(os.memfd_create("err"), "w+b") as err,
    ):
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
        )
        try:
            while child.poll() is None:
                if stopping():
                    raise TrialInterrupted
                if time.monotonic() >= deadline:
                    raise subprocess.TimeoutExpired(command, seconds)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_POLL_SECONDS)
        finally:
            child.kill()
            child.wait(_KILLED_SECONDS)
        out.seek(0)
        err.seek(0)
        said = out.read(_LONGEST_OUTPUT), err.read(_LONGEST_OUTPUT)
    return subprocess.CompletedProcess(command, child.returncode, *said)


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode == _REFUSED:
        return done.stdout.decode("utf-8", "replace").strip()[:_LONGEST_REASON]
    if done.returncode == -signal.SIGXCPU:
        return "took too much processor time in its trial"
    if done.returncode < 0:
        return f"crashed in its trial ({signal.Signals(-done.returncode).name})"
    complaint = done.stderr.decode("utf-8", "replace")
    if any(sign in complaint for sign in _OUT_OF_MEMORY):
        return "took too much memory in its trial"
    # The complaint stays here: a reason goes to the cloud, and may not repeat what was computed.
    _log.warning("the trial's child said: %s", complaint.strip()[-_LONGEST_REASON:])
    return f"failed in its trial (exit code {done.returncode})"


def _child(folder: str, keys: str, trust: str, memory_bytes: str, seconds: str) -> int:
    limit = _BASE_BYTES + int(memory_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LONGEST_OUTPUT, _LONGEST_OUTPUT))
    cpu = int(float(seconds)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))

    from data.bundle import read_bundle
    from data.errors import GreenlightError
    from data.manifest import PROBES
    from data.trust import read_trust
    from edge.models.probing import check_answers
    from edge.models.sandbox import NoSandbox, confine
    from edge.search import simulated_presses  # noqa: F401 - confined, it can't be imported
    from edge.search.model import Model, warm_up

    confined = False
    try:
        bundle = read_bundle(Path(folder), read_trust(Path(keys), Path(trust)).new)
        bundle.catalogue()
        # From here on nothing can be imported or opened: what is needed is fetched now.
        warm_up()
        confine()
        confined = True
        model = Model.load(bundle)
        # The loaded graph has its own copies; keeping both would need a large model's size more.
        bundle = replace(bundle, files={PROBES: bundle.files[PROBES]})
        check_answers(model, bundle, press_seconds=_PRESS_SHARE * float(seconds))
    except NoSandbox as error:
        print(error)
        return _NO_SANDBOX
    except GreenlightError as error:
        print(error)
        return _REFUSED
    except MemoryError:
        if not confined:
            return _NO_MEMORY  # the model hasn't been loaded yet
        print("takes too much memory")
        return _REFUSED
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no public base class
        # Only the kind of error: its text may repeat what the model computed.
        memory = any(sign in f"{error!r}" for sign in _OUT_OF_MEMORY)
        kind = type(error).__name__
        print("takes too much memory" if memory else f"failed in its trial ({kind})")
        return _REFUSED
    print(_OK)
    return 0


if __name__ == "__main__":
    verdict = _child(*sys.argv[1:])
    sys.stdout.flush()
    # Without clean-up: libraries' exit handlers would want files that are out of reach by now.
    os._exit(verdict)

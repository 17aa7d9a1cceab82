"""A confined process can reach no file, network or other process, but still computes."""

from __future__ import annotations

import json
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.models.sandbox import ALLOWED, CONDITIONAL

ACTS = """
import errno, json, mmap, os, signal, socket, sys, threading, time, ctypes
victim, layers = sys.argv[1], sys.argv[2]
held = os.open(victim, os.O_RDONLY)
import edge.models.sandbox as sandbox
if layers == "without landlock":
    sandbox._landlock = lambda libc: None
libc = ctypes.CDLL(None, use_errno=True)
sandbox.confine()

def attempt(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "allowed"

def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def fork():
    if os.fork() == 0:
        os._exit(0)

outcomes = {
    "read a file": attempt(lambda: open(victim)),
    "list a folder": attempt(lambda: os.listdir("/")),
    "see a file": attempt(lambda: os.stat("/etc/passwd")),
    "write a file": attempt(lambda: open(victim, "w")),
    "remove a file": attempt(lambda: os.unlink(victim)),
    "rename a file": attempt(lambda: os.rename(victim, victim + "x")),
    "change rights": attempt(lambda: os.chmod(victim, 0o777)),
    "read what was open": attempt(lambda: os.read(held, 1)),
    "open a socket": attempt(lambda: socket.socket()),
    "open a unix socket": attempt(lambda: socket.socket(socket.AF_UNIX)),
    "make a socket pair": attempt(lambda: socket.socketpair()),
    "start a program": attempt(lambda: os.execv("/bin/true", ["true"])),
    "fork": attempt(fork),
    "signal its parent": attempt(lambda: os.kill(os.getppid(), 0)),
    "trace its parent": attempt(lambda: call("ptrace", 16, os.getppid(), 0, 0)),
    "raise its limits": attempt(lambda: call("setrlimit", 7, (ctypes.c_ulong * 2)(99, 99))),
    "make memory executable": attempt(lambda: mmap.mmap(-1, 4096, prot=7)),
    "mount": attempt(lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None)),
    "make a namespace": attempt(lambda: call("unshare", 0x10000000)),
    "make a file in memory": attempt(lambda: os.memfd_create("x")),
}
ran = []
thread = threading.Thread(target=lambda: ran.append(1))
thread.start()
thread.join(10)
print(json.dumps({"outcomes": outcomes, "threads": len(ran), "clock": time.time() > 0}))
"""


@pytest.mark.parametrize("layers", ["all layers", "without landlock"])
def test_nothing_is_in_reach_once_confined(tmp_path: Path, layers: str):
    victim = tmp_path / "victim"
    victim.write_text("secret")
    done = subprocess.run(
        [sys.executable, "-c", ACTS, victim, layers],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    # By the filter itself, not by the limit on open files behind it; one file was closed before.
    assert result["outcomes"].pop("read what was open") == "EBADF"
    assert set(result["outcomes"].values()) == {"EPERM"}
    assert (result["threads"], result["clock"]) == (1, True)
    assert victim.read_text() == "secret"


def test_a_crash_in_the_sandbox_is_still_known_by_its_signal():
    done = subprocess.run(
        [sys.executable, "-c", "import os, edge.models.sandbox as s; s.confine(); os.abort()"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -6


@pytest.mark.parametrize("trouble", ["machine", "kernel"])
def test_a_device_without_a_filter_loads_nothing(trouble: str):
    stub = {
        "machine": "import platform; platform.machine = lambda: 'vax'",
        "kernel": "s._PR_SET_SECCOMP = 4711",
    }[trouble]
    program = f"import edge.models.sandbox as s\n{stub}\ntry: s.confine()\n"
    program += "except s.NoSandbox as error: print('refused:', error)\nelse: print('went on')\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("refused:")


HEADERS = {
    0: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("column", [0, 1], ids=["x86-64", "arm64"])
def test_the_numbers_are_the_kernels(column: int):
    header = HEADERS[column]
    if not header.exists():
        pytest.skip(f"{header} is not here: apt install linux-libc-dev")
    text = header.read_text()
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
    table = {name: numbers[column] for name, numbers in {**ALLOWED, **CONDITIONAL}.items()}
    assert {name: int(known[name]) for name in table} == table


def test_this_processor_is_one_of_them():
    assert platform.machine() in ("x86_64", "aarch64")


LIMITS = ["300000000", "30"]
CHILD = """
import sys
from edge.models import trial
from edge.search.model import Model

def load(bundle):
    try:
        open(sys.argv[1])
    except PermissionError:
        raise SystemExit("confined")
    raise SystemExit("free")

Model.load = load
trial._child(*sys.argv[2:])
"""


def test_a_trial_drops_its_rights_before_it_loads_the_model(
    rebundle, small_bundle, keys_folder, tmp_path
):
    victim = tmp_path / "victim"
    victim.write_text("secret")
    rebundle(tmp_path / "bundle", small_bundle.files)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            CHILD,
            victim,
            tmp_path / "bundle",
            keys_folder,
            tmp_path / "no-trust",
            *LIMITS,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.strip() == "confined"


SPINNING = """
import sys
from edge.models import trial
from edge.search.model import Model

def load(bundle):
    while True:
        pass

Model.load = load
trial._child(*sys.argv[1:])
"""


def test_a_trials_processor_time_is_limited_by_the_kernel(
    rebundle, small_bundle, keys_folder, tmp_path
):
    rebundle(tmp_path / "bundle", small_bundle.files)
    # The kernel ends it: the parent, which kills by the wall clock, may be gone.
    command = [sys.executable, "-c", SPINNING, tmp_path / "bundle", keys_folder, tmp_path]
    command += ["300000000", "4"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ended = child.wait(60)
    except subprocess.TimeoutExpired:
        ended = None
    finally:
        child.kill()
        child.wait()
    assert ended == -signal.SIGXCPU

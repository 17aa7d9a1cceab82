"""Takes a process's rights to files, network and processes away before it loads an untrusted model.

`confine` can't be undone. Everything the process still needs must be imported, read and opened
before. Afterwards it is confined by:

- a seccomp filter that lists what is allowed (computing, memory, threads, writing to what is open);
  everything else fails with EPERM. It is the layer that every Pi has, so it is mandatory.
- Landlock, where the kernel has it (Raspberry Pi OS's kernels don't): no file, no TCP.
- no open files except standard input, output and error; a working folder that no longer exists; no
  new privileges, no core dump, no tracing.

Sources: seccomp(2), prctl(2), landlock(7), and the kernel's system call tables for x86-64
(arch/x86/entry/syscalls/syscall_64.tbl) and arm64 (include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path


class NoSandbox(OSError):
    """This kernel or processor can't confine a process; nothing untrusted may be loaded in it."""


@dataclass(frozen=True)
class _Calls:
    """System call numbers of one processor."""

    architecture: int
    column: int


_PROCESSORS = {"x86_64": _Calls(0xC000003E, 0), "aarch64": _Calls(0xC00000B7, 1)}

# Name -> number on x86-64, number on arm64. Allowed whatever the arguments: none of them names a
# file, an address or another process.
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "membarrier": (324, 283),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "getrandom": (318, 278),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
# Allowed for some arguments only: see `_program`.
CONDITIONAL = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "clone": (56, 220),
    "clone3": (435, 435),
    "tgkill": (234, 131),
}

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_ASK_VERSION = 1
# Every file right that each version of Landlock knows; handled, and granted to nothing.
_LANDLOCK_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_LANDLOCK_FILES_NOW = (1 << 16) - 1
_LANDLOCK_TCP, _LANDLOCK_SCOPES = 0b11, 0b11

# Classic BPF, as seccomp takes it: load a word, jump if equal / at least / any bit set, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
# Offsets in struct seccomp_data.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32_CALLS = 0x40000000
_PROT_EXEC = 0x4
_CLONE_THREAD = 0x10000


def confine() -> None:
    """Give up every right that running a model doesn't need, irrevocably, for this process.

    Raises:
        NoSandbox: if the kernel refuses the filter, or the processor isn't a known one. The process
            may have lost some rights by then; it must not continue.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    machine = platform.machine()
    if machine not in _PROCESSORS:
        raise NoSandbox(errno.ENOSYS, f"no list of system calls for the processor {machine}")
    program = _program(_PROCESSORS[machine], os.getpid())
    _leave_every_folder()
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    _landlock(libc)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    _seccomp(libc, program)


def _leave_every_folder() -> None:
    try:
        empty = tempfile.mkdtemp()
        os.chdir(empty)
        Path(empty).rmdir()
    except OSError:  # a full or read-only disk; the filter lets nothing be opened from here either
        os.chdir("/")


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise NoSandbox(ctypes.get_errno(), f"the kernel refuses prctl {option}")


def _landlock(libc: ctypes.CDLL) -> None:
    """Add Landlock's ban on files and TCP where there is Landlock; the filter stands without it."""
    call = libc.syscall
    call.restype = ctypes.c_long
    version = call(
        _LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_LANDLOCK_ASK_VERSION)
    )
    if version < 1:
        return
    files = _LANDLOCK_FILES.get(version, _LANDLOCK_FILES_NOW)
    tcp = _LANDLOCK_TCP if version >= 4 else 0
    scopes = _LANDLOCK_SCOPES if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = struct.pack("QQQ", files, tcp, scopes)
    handle = call(_LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(size), ctypes.c_uint(0))
    if handle < 0:
        return
    call(_LANDLOCK_RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint(0))
    with contextlib.suppress(OSError):
        os.close(handle)


def _seccomp(libc: ctypes.CDLL, program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count, padding, a pointer.
    filter_ = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), filter_, 0, 0) != 0:
        raise NoSandbox(ctypes.get_errno(), "the kernel refuses the seccomp filter")


def _program(calls: _Calls, process: int) -> bytes:
    """Return the filter for one processor, as seccomp's instructions.

    Refused calls fail with EPERM. `clone3` fails with ENOSYS, so that the C library falls back on
    `clone`, whose flags a filter can read.
    """

    def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, value)

    def number(name: str, table: dict[str, tuple[int, int]]) -> int:
        return table[name][calls.column]

    def argument(index: int) -> bytes:
        return instruction(_LOAD, _ARGUMENTS + 8 * index)  # its low half; both are little-endian

    def result(value: int) -> bytes:
        return instruction(_RETURN, value)

    def only_if(name: str, *condition: bytes) -> list[bytes]:
        """For one call: what `condition` returns. For others: go on behind it."""
        return [
            instruction(_EQUAL, number(name, CONDITIONAL), 0, len(condition)),
            *condition,
        ]

    refuse = result(_FAIL | errno.EPERM)
    program = [
        instruction(_LOAD, _ARCHITECTURE),
        instruction(_EQUAL, calls.architecture, 1),
        result(_KILL_PROCESS),
        instruction(_LOAD, _NUMBER),
        # The x32 calls of x86-64 have different numbers.
        instruction(_AT_LEAST, _X32_CALLS, 0, 1),
        result(_KILL_PROCESS),
    ]
    for name in ALLOWED:
        program += [instruction(_EQUAL, number(name, ALLOWED), 0, 1), result(_ALLOW)]
    not_executable = (
        argument(2),
        instruction(_ANY_BIT, _PROT_EXEC, 0, 1),
        refuse,
        result(_ALLOW),
    )
    program += only_if("mmap", *not_executable)
    program += only_if("mprotect", *not_executable)
    program += only_if(
        "clone", argument(0), instruction(_ANY_BIT, _CLONE_THREAD, 1), refuse, result(_ALLOW)
    )
    program += only_if("clone3", result(_FAIL | errno.ENOSYS))
    # Distinguish a crash that ends itself (abort) from one that hangs.
    program += only_if(
        "tgkill", argument(0), instruction(_EQUAL, process, 1), refuse, result(_ALLOW)
    )
    program.append(refuse)
    return b"".join(program)

"""What a process does to a folder, step by step: its system calls, recorded by strace."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = (
    "open,openat,creat,close,dup,dup2,dup3,fcntl,write,pwrite64,writev,pwritev,ftruncate,truncate,"
    "fallocate,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,link,linkat,symlink,symlinkat,lseek,read,readv,copy_file_range,sendfile"
)
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


@dataclass(frozen=True)
class Write:
    """Bytes into a file; None cuts or extends it to `offset`."""

    inode: int
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Name:
    """A folder's entry: made to mean an inode, or removed (None)."""

    folder: int
    name: str
    inode: int | None


@dataclass(frozen=True)
class Rename:
    """Names that change together or not at all."""

    folder: int
    old: str
    new_folder: int
    new: str
    inode: int


@dataclass(frozen=True)
class Sync:
    """Everything before this, of this inode, is safe."""

    inode: int


@dataclass(frozen=True)
class Mark:
    """A promise was made to somebody outside."""

    words: tuple[str, ...]


Step = Write | Name | Rename | Sync | Mark


@dataclass
class _Open:
    inode: int | None
    offset: int = 0
    append: bool = False
    is_marks: bool = False


@dataclass
class Recording:
    """The steps of one run, and which inodes are folders. Inode 0 is the state folder itself."""

    steps: list[Step] = field(default_factory=list)
    folders: set[int] = field(default_factory=lambda: {0})


def record(command: list[str], state: Path, marks: Path, log: Path) -> Recording:
    """Run a single-threaded command under strace; `state` must be an empty folder."""
    strace = ["strace", "-f", "-xx", "-s", "8000000", "-e", f"trace={_CALLS}", "-o", str(log)]
    subprocess.run([*strace, *command], check=True, capture_output=True, timeout=120)
    return _Parser(state, marks).parse(log)


class _Parser:
    def __init__(self, state: Path, marks: Path) -> None:
        self._root, self._marks = str(state), str(marks)
        self.recording = Recording()
        self._tree: dict[int, dict[str, int]] = {0: {}}
        self._sizes: dict[int, int] = {}
        self._open: dict[int, _Open] = {}
        self._next = 1

    def parse(self, log: Path) -> Recording:
        with log.open(encoding="ascii") as lines:
            for line in lines:
                if "<unfinished" in line:
                    raise AssertionError(f"a second thread wrote: {line[:80]}")
                match = _LINE.match(line)
                if match is None or match[3].startswith("-"):
                    continue
                handler = getattr(self, f"_on_{match[1]}", None)
                if handler is not None:
                    handler(match[2].split(", "), int(match[3]))
        return self.recording

    def _step(self, step: Step) -> None:
        self.recording.steps.append(step)

    # Paths.

    def _path(self, text: str, at: str = "AT_FDCWD") -> tuple[int, str] | None:
        """Return folder inode and name, or None outside of the state folder."""
        raw = bytes.fromhex(text.strip('"').replace("\\x", "")).decode()
        if at == "AT_FDCWD":
            if not raw.startswith(self._root + "/"):
                return None
            here, rest = 0, raw[len(self._root) + 1 :]
        else:
            opened = self._open.get(int(at))
            if opened is None or opened.inode is None:
                return None
            here, rest = opened.inode, raw
        *folders, name = [part for part in rest.split("/") if part]
        for part in folders:
            here = self._tree[here][part]
        return here, name

    # Calls that make, change or end open files.

    def _on_openat(self, args: list[str], fd: int) -> None:
        text = bytes.fromhex(args[1].strip('"').replace("\\x", "")).decode()
        if text == self._root:
            self._open[fd] = _Open(0)
            return
        if text == self._marks:
            self._open[fd] = _Open(None, is_marks=True)
            return
        where = self._path(args[1], args[0])
        if where is None:
            self._open[fd] = _Open(None)
            return
        folder, name = where
        inode = self._tree[folder].get(name)
        if inode is None:
            assert "O_CREAT" in args[2], (name, args)
            inode = self._make(folder, name)
        elif "O_TRUNC" in args[2] and self._sizes.get(inode):
            self._sizes[inode] = 0
            self._step(Write(inode, 0, None))
        self._open[fd] = _Open(inode, append="O_APPEND" in args[2])

    def _make(self, folder: int, name: str, is_folder: bool = False) -> int:
        inode, self._next = self._next, self._next + 1
        if is_folder:
            self._tree[inode] = {}
            self.recording.folders.add(inode)
        else:
            self._sizes[inode] = 0
        self._tree[folder][name] = inode
        self._step(Name(folder, name, inode))
        return inode

    def _on_close(self, args: list[str], _: int) -> None:
        self._open.pop(int(args[0]), None)

    def _on_dup(self, args: list[str], fd: int) -> None:
        if int(args[0]) in self._open:
            self._open[fd] = self._open[int(args[0])]

    _on_dup2 = _on_dup3 = _on_dup

    def _on_fcntl(self, args: list[str], fd: int) -> None:
        if "F_DUPFD" in args[1]:
            self._on_dup(args, fd)

    def _on_lseek(self, args: list[str], offset: int) -> None:
        if (opened := self._open.get(int(args[0]))) is not None:
            opened.offset = offset

    def _on_read(self, args: list[str], count: int) -> None:
        if (opened := self._open.get(int(args[0]))) is not None:
            opened.offset += count

    def _on_write(self, args: list[str], count: int) -> None:
        opened = self._open.get(int(args[0]))
        if opened is None:
            return
        data = bytes.fromhex(args[1].strip('"').replace("\\x", ""))[:count]
        if opened.is_marks:
            self._step(Mark(tuple(data.decode().split())))
        elif opened.inode is not None:
            if opened.append:
                opened.offset = self._sizes[opened.inode]
            self._write(opened.inode, opened.offset, data)
            opened.offset += count

    def _on_pwrite64(self, args: list[str], count: int) -> None:
        opened = self._open.get(int(args[0]))
        if opened is not None and opened.inode is not None:
            data = bytes.fromhex(args[1].strip('"').replace("\\x", ""))[:count]
            self._write(opened.inode, int(args[3]), data)

    def _write(self, inode: int, offset: int, data: bytes) -> None:
        self._sizes[inode] = max(self._sizes[inode], offset + len(data))
        self._step(Write(inode, offset, data))

    def _on_ftruncate(self, args: list[str], _: int) -> None:
        opened = self._open.get(int(args[0]))
        if opened is not None and opened.inode is not None:
            self._sizes[opened.inode] = int(args[1])
            self._step(Write(opened.inode, int(args[1]), None))

    def _on_fsync(self, args: list[str], _: int) -> None:
        opened = self._open.get(int(args[0]))
        if opened is not None and opened.inode is not None:
            self._step(Sync(opened.inode))

    _on_fdatasync = _on_fsync

    # Calls that change names.

    def _on_mkdir(self, args: list[str], _: int) -> None:
        if (where := self._path(args[0])) is not None:
            self._make(*where, is_folder=True)

    def _on_rename(self, args: list[str], _: int) -> None:
        old, new = self._path(args[0]), self._path(args[1])
        if old is None or new is None:
            assert old is new
            return
        inode = self._tree[old[0]].pop(old[1])
        self._tree[new[0]][new[1]] = inode
        self._step(Rename(*old, *new, inode))

    def _on_unlink(self, args: list[str], _: int) -> None:
        if (where := self._path(args[0])) is not None:
            self._remove(*where)

    _on_rmdir = _on_unlink

    def _on_unlinkat(self, args: list[str], _: int) -> None:
        if (where := self._path(args[1], args[0])) is not None:
            self._remove(*where)

    def _remove(self, folder: int, name: str) -> None:
        self._tree[folder].pop(name)
        self._step(Name(folder, name, None))

    def _unknown(self, args: list[str], _: int) -> None:
        opened = self._open.get(int(args[0])) if args[0].isdigit() else None
        if opened is not None and opened.inode is not None:
            raise AssertionError(f"a call that the recorder does not know: {args}")

    _on_writev = _on_pwritev = _on_copy_file_range = _on_sendfile = _on_readv = _unknown
    _on_fallocate = _on_sync_file_range = _unknown

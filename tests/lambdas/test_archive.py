"""`model.tar.gz` of a stranger: what tar can say beyond plain files is refused before it costs."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc

import pytest

from lambdas.archive import MAX_ENTRIES, CandidateRejected, unpack

MEGABYTE = 1024 * 1024


def most_bytes_of(name: str) -> int | None:
    return 20 * MEGABYTE if name.startswith("bundle/") else None


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, at: int = 124) -> bytes:
    """Return an entry's header with a size that nothing has to be true about."""
    made = tarfile.TarInfo(name)
    made.type = kind
    raw = bytearray(made.tobuf(tarfile.GNU_FORMAT))
    raw[at : at + 12] = b"%011o\0" % size
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def sparse(name: str, size: int) -> bytes:
    """Return an entry that is nothing but a hole."""
    return header(name, tarfile.GNUTYPE_SPARSE, size, at=483)


def extended(records: bytes, size: int | None = None) -> bytes:
    head = header("PaxHeaders/x", tarfile.XHDTYPE, len(records) if size is None else size)
    return head + records + bytes(-len(records) % 512)


FILE = header("bundle/a.json", size=2) + b"{}".ljust(512, b"\0")
END = bytes(1024)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_common_tools_write_is_read(kind: int) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=kind) as archive:
        for name, size in (("./bundle/model.onnx", 1000), ("elsewhere", 512), ("bundle/b", 0)):
            made = tarfile.TarInfo(name)
            made.size, made.mtime, made.uname = size, 1.5, "somebody"
            archive.addfile(made, io.BytesIO(b"x" * size))
        archive.addfile(header_of_folder())
    assert unpack(content.getvalue(), most_bytes_of) == {
        "bundle/model.onnx": b"x" * 1000,
        "bundle/b": b"",
    }


def header_of_folder() -> tarfile.TarInfo:
    folder = tarfile.TarInfo("bundle")
    folder.type = tarfile.DIRTYPE
    return folder


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (sparse("bundle/a.json", 2), "sparse"),
        (extended(b"20 path=bundle/b.on\n") + FILE, "renames"),
        (extended(b"16 size=9999999\n") + FILE, "renames"),
        (extended(b"22 GNU.sparse.major=1\n") + FILE, "renames"),
        (extended(b"", 17 * 1024), "a header of 17408 bytes"),
        (header("././@LongLink", tarfile.GNUTYPE_LONGNAME, 1 << 33), "not a plain file"),
        (header("bundle/a.json", size=21 * MEGABYTE), "are allowed"),
        (header("bundle/a.json", size=2), "too early"),
        (FILE + FILE, "appears twice"),
        (extended(b"") * (2 * MAX_ENTRIES) + FILE, "has over 400 headers"),
        (b"x" * 512, "can't be unpacked"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(CandidateRejected, match=says):
        unpack(gzip.compress(content + (END if says != "too early" else b"")), most_bytes_of)


def test_a_few_hundred_bytes_take_little_memory_whatever_they_claim() -> None:
    holes = b"".join(sparse(f"bundle/{number}.x", 20 * MEGABYTE) for number in range(58))
    claims = header("bundle/a.json", size=20 * MEGABYTE)
    long_name = header("x", tarfile.GNUTYPE_LONGNAME, 200 * MEGABYTE) + bytes(200 * MEGABYTE)
    for content in (holes, claims, long_name, extended(b"", 200 * MEGABYTE)):
        packed = gzip.compress(content + END, 1)
        tracemalloc.start()
        with pytest.raises(CandidateRejected):
            unpack(packed, most_bytes_of)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 21 * MEGABYTE

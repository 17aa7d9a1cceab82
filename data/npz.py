"""Arrays in an `.npz` file, read without trusting it: no pickle, and every length is checked.

numpy's own reader allocates what an array's header claims, and zipfile whatever is listed. Here the
names, types and dimensions are known beforehand. A file that says anything else is refused.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidRecord

Arrays = dict[str, NDArray[Any]]

_MAGIC = b"\x93NUMPY\x01\x00"
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _END_64_BYTES = 22, 20
# Of the list of members at the end, for each.
_MOST_LISTED_BYTES = 200
_MOST_HEADER_BYTES = 1_000
_SHAPE = re.compile(r"\((?:(\d{1,12}),|(\d{1,12}(?:, \d{1,12})*))?\)")


class ArrayForm(NamedTuple):
    """What an array must be.

    Attributes:
        dtype: exactly.
        dimensions: how many.
    """

    dtype: np.dtype[Any]
    dimensions: int


def write_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a compressed `.npz`: the same arrays give the same bytes."""
    packed = io.BytesIO()
    ordered: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    np.savez_compressed(packed, allow_pickle=False, **ordered)
    return packed.getvalue()


def read_npz(content: bytes, forms: Mapping[str, ArrayForm], most_bytes: int) -> Arrays:
    """Return the arrays of an `.npz`: exactly those named.

    Args:
        content: the file.
        forms: of each array, by name.
        most_bytes: how many bytes all of them may have.

    Raises:
        InvalidRecord: naming the array that is missing, unexpected, too large or of another form.
    """
    _check_end(content, len(forms))
    arrays: Arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.infolist():
                name = _checked(member, set(forms) - set(arrays), most_bytes)
                most_bytes -= member.file_size
                arrays[name] = _array(name, _read(packed, member), forms[name])
    except InvalidRecord:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise InvalidRecord("the arrays", f"can't be read: {error}") from error
    if missing := sorted(set(forms) - set(arrays)):
        raise InvalidRecord(missing[0], "is missing")
    return arrays


def _check_end(content: bytes, members: int) -> None:
    """Refuse a file whose list of members is longer than it may be, before zipfile reads it."""
    end = content[-_END_BYTES:]
    further = content[-_END_BYTES - _END_64_BYTES : -_END_BYTES]
    if len(end) < _END_BYTES or end[:4] != _END or further[:4] == _END_64:
        raise InvalidRecord("the file", "isn't an .npz file, or has a comment")
    listed, listed_bytes = struct.unpack("<HL", end[10:16])
    if listed != members or listed_bytes > members * _MOST_LISTED_BYTES:
        raise InvalidRecord("the file", f"lists {listed} arrays; {members} are expected")


def _checked(member: zipfile.ZipInfo, expected: set[str], most_bytes: int) -> str:
    """Return the name of a member's array, unless it mustn't be read."""
    name = member.filename.removesuffix(".npy")
    if name not in expected or not member.filename.endswith(".npy"):
        raise InvalidRecord(repr(member.filename[:100]), "isn't expected here")
    if member.file_size > most_bytes:
        raise InvalidRecord(name, "makes the arrays larger than what is allowed")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidRecord(name, "is compressed in a way that isn't accepted")
    return name


def _read(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with packed.open(member) as stream:
        # One more than it claims: so its checksum is looked at.
        return stream.read(member.file_size + 1)


def _array(name: str, raw: bytes, form: ArrayForm) -> NDArray[Any]:
    """Return the array in an `.npy` file, whose header must be the one that numpy would write."""
    size = int.from_bytes(raw[8:10], "little")
    header = raw[10 : 10 + size]
    if raw[:8] != _MAGIC or size > _MOST_HEADER_BYTES or len(header) != size:
        raise InvalidRecord(name, "isn't an .npy file of version 1")
    begin = f"{{'descr': {np.lib.format.dtype_to_descr(form.dtype)!r}, 'fortran_order': False, "
    begin += "'shape': "
    text = header.decode("latin-1").rstrip()
    shape = _SHAPE.fullmatch(text.removeprefix(begin).removesuffix(", }"))
    if not text.startswith(begin) or not text.endswith(", }") or shape is None:
        raise InvalidRecord(name, f"isn't an array of {form.dtype} in C order")
    lengths = [int(length) for length in re.findall(r"\d+", shape[0])]
    content = memoryview(raw)[10 + size :]
    if len(lengths) != form.dimensions:
        raise InvalidRecord(name, f"has {len(lengths)} dimensions, not {form.dimensions}")
    if math.prod(lengths) * form.dtype.itemsize != len(content):
        raise InvalidRecord(name, "has more or fewer bytes than its shape says")
    found: NDArray[Any] = np.frombuffer(content, form.dtype).reshape(lengths)
    return found

"""An `.npz` of a stranger: exactly the arrays that are expected, or a refusal that names one."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from data.errors import InvalidRecord
from data.npz import ArrayForm, read_npz, write_npz

FORMS = {"grid": ArrayForm(np.dtype("<f8"), 2), "names": ArrayForm(np.dtype("u1"), 1)}
ARRAYS = {
    "grid": np.arange(6.0).reshape(2, 3).T,
    "names": np.frombuffer(b"[]", np.uint8),
}


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return content.getvalue()


def npy(array: np.ndarray, **more: bool) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, **more)
    return content.getvalue()


GRID, NAMES = npy(np.zeros((2, 3))), npy(np.zeros(2, np.uint8))


def test_arrays_come_back_in_their_order_and_the_same_arrays_give_the_same_bytes():
    found = read_npz(write_npz(ARRAYS), FORMS, 1000)
    assert all(np.array_equal(found[name], ARRAYS[name]) for name in FORMS)
    assert write_npz(ARRAYS) == write_npz(dict(reversed(ARRAYS.items())))


def test_numpys_own_files_are_read():
    content = io.BytesIO()
    np.savez(content, grid=np.ones((0, 4)), names=ARRAYS["names"])
    assert read_npz(content.getvalue(), FORMS, 1000)["grid"].shape == (0, 4)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"grid.npy": GRID}, "the file"),
        ({"grid.npy": GRID, "other.npy": NAMES}, "other.npy"),
        ({"grid.npy": GRID, "names": NAMES}, "names"),
        ({"grid.npy": NAMES, "names.npy": NAMES}, "grid"),
        ({"grid.npy": npy(np.zeros(6)), "names.npy": NAMES}, "grid"),
        ({"grid.npy": npy(np.zeros((2, 3), ">f8")), "names.npy": NAMES}, "grid"),
        ({"grid.npy": npy(np.zeros((2, 3)).T), "names.npy": NAMES}, "grid"),
        ({"grid.npy": GRID[:-1], "names.npy": NAMES}, "grid"),
        ({"grid.npy": GRID + b"\0", "names.npy": NAMES}, "grid"),
        ({"grid.npy": GRID.replace(b"(2, 3)", b"(9, 9)"), "names.npy": NAMES}, "grid"),
        ({"grid.npy": GRID.replace(b"(2, 3)", b"[2, 3]"), "names.npy": NAMES}, "grid"),
        ({"grid.npy": b"", "names.npy": NAMES}, "grid"),
        ({"grid.npy": b"\x93NUMPY\x02\x00", "names.npy": NAMES}, "grid"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(members, named):
    with pytest.raises(InvalidRecord, match=f"^['`]?{named}"):
        read_npz(packed(members), FORMS, 1000)


def test_an_object_array_is_refused_and_never_unpickled():
    class Runs:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    objects = npy(np.array([Runs()], object), allow_pickle=True)
    with pytest.raises(InvalidRecord, match="`names` isn't an array"):
        read_npz(packed({"grid.npy": GRID, "names.npy": objects}), FORMS, 10_000)


def test_every_shorter_and_every_flipped_file_is_refused_or_read_whole():
    whole = write_npz(ARRAYS)
    for size in range(len(whole)):
        with pytest.raises(InvalidRecord):
            read_npz(whole[:size], FORMS, 1000)
    for at in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0x41
        try:
            found = read_npz(bytes(spoilt), FORMS, 1000)
        except InvalidRecord:
            continue
        # The bits of a date or a version, which mean nothing here.
        assert all(np.array_equal(found[name], ARRAYS[name]) for name in FORMS), at


def test_what_it_claims_or_unpacks_to_is_bounded_before_it_is_allocated():
    claims = GRID.replace(b"(2, 3), }" + b" " * 8, b"(200000000, 3), }")
    bomb = packed({"grid.npy": bytes(100_000_000), "names.npy": NAMES})
    many = packed({f"{number}.npy": b"" for number in range(5_000)})
    listed = packed({"grid.npy": claims, "names.npy": NAMES})
    for content in (bomb, many, listed):
        tracemalloc.start()
        with pytest.raises(InvalidRecord):
            read_npz(content, FORMS, 10_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000

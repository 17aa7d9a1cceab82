"""A training job's output is treated as untrusted."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data import wire
from data.manifest import ARRAYS, MANIFEST, Manifest
from data.verdict import VERDICT, ModelIdentity
from lambdas import archive as archive_module
from lambdas.candidate import read
from lambdas.errors import CandidateRejected

from .candidates import entry, left_by_job, packed, verdict


@pytest.fixture(scope="module")
def files(example: Path) -> dict[str, bytes]:
    return left_by_job(example)


def test_a_complete_candidate_is_read(files: dict[str, bytes]) -> None:
    output = read(packed(files))
    assert output.candidate is not None
    assert output.candidate.manifest.version == 2
    assert output.candidate.arrays == files[ARRAYS]
    assert output.candidate.files["model.onnx"] == files["bundle/model.onnx"]
    assert set(output.reports) == {VERDICT, "report.html"}


def test_a_refused_one_needs_no_bundle_and_what_else_lies_there_is_passed_over(
    files: dict[str, bytes],
) -> None:
    manifest = msgspec.json.decode(files[f"bundle/{MANIFEST}"], type=Manifest)
    refused = wire.encode(verdict(manifest, decision="refuse", candidate=ModelIdentity(2)))
    output = read(packed({VERDICT: refused, "refused/bundle/model.onnx": b"x"}))
    assert output.candidate is None
    assert not output.verdict.released


@pytest.mark.parametrize(
    "more",
    [
        entry("../outside"),
        entry("bundle/../../outside"),
        entry("/etc/passwd"),
        entry("bundle/model2.onnx", tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("bundle/model2.onnx", tarfile.LNKTYPE, linkname="verdict.json"),
        entry("bundle/model2.onnx", tarfile.CHRTYPE),
        entry("bundle/model2.onnx", tarfile.FIFOTYPE),
        entry("verdict.json"),
        entry("bundle/model.onnx", size=3),
        entry("bundle/extra.json"),
        entry("bundle/new.json", size=17 * 1024 * 1024),
    ],
    ids=lambda made: f"{made.name} {made.type.decode()} {made.size}",
)
def test_an_entry_that_must_not_be_there_is_refused_by_name(
    more: tarfile.TarInfo, files: dict[str, bytes]
) -> None:
    with pytest.raises(CandidateRejected) as refused:
        read(packed(files, [more]))
    assert more.name in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [VERDICT, ARRAYS, f"bundle/{MANIFEST}", "bundle/model.onnx", "bundle/catalogue.json"],
)
def test_a_missing_file_is_named(name: str, files: dict[str, bytes]) -> None:
    with pytest.raises(CandidateRejected, match=f"^{name}: is missing"):
        read(packed({key: raw for key, raw in files.items() if key != name}))


@pytest.mark.parametrize("name", ["bundle/model.onnx", "bundle/catalogue.json"])
def test_bytes_that_are_not_the_manifests_are_refused(name: str, files: dict[str, bytes]) -> None:
    with pytest.raises(CandidateRejected, match=f"^{name}: its bytes"):
        read(packed({**files, name: files[name][:-1] + b"!"}))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"candidate": ModelIdentity(3, "ab" * 32)}, "version"),
        ({"candidate": ModelIdentity(2, "ab" * 32)}, "model_hash"),
        ({"name": "others"}, "name"),
    ],
)
def test_a_verdict_on_another_model_releases_nothing(
    changes: dict[str, Any], field: str, example: Path
) -> None:
    with pytest.raises(CandidateRejected, match=field):
        read(packed(left_by_job(example, **changes)))


def test_a_model_of_another_name_is_released_only_by_a_stack_of_that_name(
    files: dict[str, bytes],
) -> None:
    manifest = msgspec.json.decode(files[f"bundle/{MANIFEST}"], type=Manifest)
    renamed = msgspec.structs.replace(manifest, name="others")
    other = {f"bundle/{MANIFEST}": msgspec.json.encode(renamed)}
    judged = {VERDICT: wire.encode(verdict(renamed))}
    left = packed({**files, **other, **judged})
    with pytest.raises(CandidateRejected, match="named films, but the bundle is others"):
        read(left)
    candidate = read(left, "others").candidate
    assert candidate is not None
    assert candidate.manifest.name == "others"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"decision": "release"}', b"\xff", b"9" * 99])
@pytest.mark.parametrize("name", [VERDICT, f"bundle/{MANIFEST}"])
def test_a_report_that_cannot_be_read_is_refused_by_name(
    name: str, raw: bytes, files: dict[str, bytes]
) -> None:
    with pytest.raises(CandidateRejected, match=f"^{name}: "):
        read(packed({**files, name: raw}))


@pytest.mark.parametrize(
    "archive",
    [b"", b"no archive", gzip.compress(b"no archive either"), gzip.compress(b"")],
    ids=["nothing", "words", "words packed", "nothing packed"],
)
def test_a_file_that_is_not_an_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(CandidateRejected):
        read(archive)


def test_an_archive_cut_off_anywhere_is_refused(files: dict[str, bytes]) -> None:
    whole = packed(files)
    for part in range(1, 20):
        with pytest.raises(CandidateRejected):
            read(whole[: len(whole) * part // 20])


def test_a_decompression_bomb_is_stopped_before_it_fills_the_memory(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "MAX_UNPACKED_BYTES", 2 * 1024 * 1024)
    bomb = packed(files, [entry("padding", size=8 * 1024 * 1024)])
    assert len(bomb) < 2 * 1024 * 1024
    with pytest.raises(CandidateRejected, match="unpacks to more than"):
        read(bomb)


def test_a_file_that_only_claims_to_be_huge_is_refused(files: dict[str, bytes]) -> None:
    claims = bytearray(gzip.decompress(packed(files)))
    at = claims.index(b"./report.html")
    # Its size, in octal, in the entry's header; then the header's checksum.
    claims[at + 124 : at + 136] = b"77777777777\0"
    header = claims[at : at + 512]
    header[148:156] = b" " * 8
    claims[at + 148 : at + 156] = b"%06o\0 " % sum(header)
    with pytest.raises(CandidateRejected, match=r"report\.html: has"):
        read(gzip.compress(bytes(claims), 1))


def test_too_many_entries_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(CandidateRejected, match="too many"):
        read(packed(files, [entry(f"x{number}") for number in range(archive_module.MAX_ENTRIES)]))


@pytest.mark.parametrize("at", range(8))
def test_flipped_bits_never_do_more_than_refuse(at: int, files: dict[str, bytes]) -> None:
    whole = bytearray(packed(files))
    whole[len(whole) * at // 8] ^= 1 << at
    # Bits of gzip's own header mean nothing (a time, a name); then it is the candidate as it was.
    try:
        assert read(bytes(whole)) == read(packed(files))
    except CandidateRejected:
        pass

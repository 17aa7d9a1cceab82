"""A package contains everything its function needs, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lambdas.operator import package


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_a_package_holds_what_its_function_needs_and_no_more(
    function: str, packages: dict[str, Path]
) -> None:
    with zipfile.ZipFile(packages[function]) as archive:
        names = archive.namelist()
    others = [name for name in package.FUNCTIONS if name != function]
    assert f"lambdas/{function}/handler.py" in names
    for other in others:
        assert not [name for name in names if name.startswith(f"lambdas/{other}/")]
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    signs = {
        name for name in tops if name.startswith(("cryptography", "_cffi", "cffi", "pycparser"))
    }
    assert tops - signs == {
        *("data", "lambdas", "aws_lambda_powertools", "jmespath", "msgspec", "uuid6"),
        "typing_extensions.py",
    }
    assert bool(signs) == (function == "release_model"), "it alone signs"
    assert "data/wire.py" in names
    assert "data/genre_sets.py" not in names, "that would need numpy"
    assert not [name for name in names if name.startswith("local_cloud/")]


def test_the_same_sources_give_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    again = package.build("predict", tmp_path / "predict.zip")
    assert package.content_key(again) == package.content_key(packages["predict"])


def test_every_library_of_a_package_is_locked_with_hashes() -> None:
    for function in package.FUNCTIONS:
        for entry in package._locked(package.contents_of(function).libraries):
            assert "--hash=sha256:" in entry

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
    assert tops - signs - {"judging"} == {
        *("data", "lambdas", "aws_lambda_powertools", "jmespath", "msgspec", "uuid6"),
        "typing_extensions.py",
    }
    assert bool(signs) == (function == "release_model"), "it alone signs"
    assert ("judging" in tops) == (function == "judge_model"), "it alone judges"
    assert "data/wire.py" in names
    assert "data/genre_sets.py" not in names, "that would need numpy"
    assert not [name for name in names if name.startswith("local_cloud/")]


def test_the_judge_takes_numpy_and_onnx_runtime_and_nothing_that_they_need_for_tools_only() -> None:
    others = package.contents_of("release_model").libraries
    libraries = set(package.contents_of("judge_model").libraries)
    assert libraries - set(others) == {"numpy", "onnxruntime"}
    assert all(
        not {"numpy", "onnxruntime"} & set(package.contents_of(name).libraries)
        for name in package.FUNCTIONS
        if name != "judge_model"
    )


def test_what_a_local_cloud_links_is_those_libraries_and_nothing_else(tmp_path: Path) -> None:
    folder = package.link_libraries(tmp_path / "libraries")
    assert {"numpy", "onnxruntime"} <= {path.name for path in folder.iterdir()}
    assert all(path.name.startswith(("numpy", "onnxruntime")) for path in folder.iterdir())
    again = package.link_libraries(folder)
    assert all(path.is_symlink() and path.exists() for path in again.iterdir())


def test_the_same_sources_give_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    again = package.build("predict", tmp_path / "predict.zip")
    assert package.content_key(again) == package.content_key(packages["predict"])


def test_every_library_of_a_package_is_locked_with_hashes() -> None:
    for function in package.FUNCTIONS:
        for entry in package._locked(package.contents_of(function).libraries):
            assert "--hash=sha256:" in entry


def test_of_a_library_that_is_locked_twice_the_one_for_awss_python_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "cloud.txt"
    lock.write_text(
        "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\n"
        "numpy==2.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:bb\n"
    )
    monkeypatch.setattr(package, "LOCK", lock)
    assert list(package._locked(["numpy"])) == ["numpy==2.0 \\\n    --hash=sha256:bb\n"]

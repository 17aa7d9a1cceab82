"""The packages for AWS's own runtime: the wheels of its Python and processor, as locked."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdas.operator import package

from ..runtime import runtime_libraries

# What AWS unpacks at most, with all layers ("Lambda quotas").
AWS_UNZIPPED_BYTES = 250 * 1024 * 1024
# Both handlers, called as AWS calls them, with events that no rule made.
PROBE = """
import importlib, json, sys
context = type("Context", (), {
    "function_name": "f", "memory_limit_in_mb": 256, "invoked_function_arn": "arn",
    "aws_request_id": "id", "get_remaining_time_in_millis": lambda self: 60_000})()
handler = importlib.import_module(sys.argv[1])
answers = [handler.handle(event, context) for event in (None, {}, {"thing": "x", "payload": ""})]
print(json.dumps([sys.version_info[:2], answers]))
"""


@pytest.fixture(scope="module", params=sorted(package.PLATFORMS))
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of one architecture."""
    folder = tmp_path_factory.mktemp(request.param) / request.param
    try:
        package.build_for_aws(folder, request.param)
    except package.PackagingFailed as error:
        if os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1":
            raise
        pytest.skip(str(error))
    return folder


def test_they_hold_the_wheels_of_the_architecture(built: Path) -> None:
    for function in package.FUNCTIONS:
        architecture = package.ARCHITECTURES.get(function, built.name)
        machine = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
        with zipfile.ZipFile(built / f"{function}.zip") as archive:
            compiled = [name for name in archive.namelist() if name.endswith(".so")]
            unzipped = sum(entry.file_size for entry in archive.infolist())
        # What release_model needs to sign keeps to the stable interface, or is built as msgspec is.
        others = [name for name in compiled if name.startswith(("cryptography/", "_cffi_backend"))]
        assert bool(others) == (function == "release_model")
        # And the judge's numbers: a plain library needs no Python's name.
        numbers = [name for name in compiled if name.startswith(("numpy", "onnxruntime/"))]
        assert bool(numbers) == (function == "judge_model")
        assert all(
            ".abi3.so" in name or f"313-{machine}" in name
            for name in (*others, *numbers)
            if ".libs/" not in name and "/libonnxruntime" not in name
        )
        assert set(compiled) - {*others, *numbers} == {
            f"msgspec/_core.cpython-313-{machine}-linux-gnu.so"
        }
        assert unzipped < AWS_UNZIPPED_BYTES * 0.7, "room to grow"


def python_of_aws() -> str:
    """Return a Python of the version that AWS runs, or skip."""
    found = shutil.which(f"python{package.AWS_PYTHON}")
    if found is None and f"{sys.version_info.major}.{sys.version_info.minor}" == package.AWS_PYTHON:
        found = sys.executable
    if (
        found is not None
        and subprocess.run([found, "-V"], capture_output=True, check=False).returncode
    ):
        found = None  # a version manager's stand-in without that version behind it
    if found is None:
        pytest.skip(f"there is no python{package.AWS_PYTHON} on the PATH")
    return found


@pytest.mark.parametrize("function", package.FUNCTIONS)
def test_they_load_and_answer_on_the_python_that_aws_runs(
    function: str, built: Path, tmp_path: Path
) -> None:
    architecture = package.ARCHITECTURES.get(function, built.name)
    if architecture != platform.machine().replace("aarch64", "arm64"):
        pytest.skip(f"{architecture} code does not run on this {platform.machine()}")
    python = python_of_aws()
    with zipfile.ZipFile(built / f"{function}.zip") as archive:
        archive.extractall(tmp_path / "package")
    libraries = runtime_libraries(tmp_path / "libraries")
    said = subprocess.run(
        [python, "-S", "-c", PROBE, f"lambdas.{function}.handler"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path / "package",
        env={
            "PYTHONPATH": f"{tmp_path / 'package'}{os.pathsep}{libraries}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "STACK": "greenlight",
            "TABLE": "t",
            "DATA_BUCKET": "b",
            "ACCOUNT": "000000000000",
            "ENDPOINT_NAME": "",
            "ENDPOINT_TIMEOUT_SECONDS": "1",
        },
    )
    assert said.returncode == 0, said.stderr
    version, answers = json.loads(said.stdout.splitlines()[-1])
    assert ".".join(map(str, version)) == package.AWS_PYTHON
    assert all("refused" in answer for answer in answers)

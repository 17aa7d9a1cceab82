"""`greenlight-cloud functions package`: builds the functions' packages.

A package contains a function, what it imports of Greenlight, and the few libraries it needs that
AWS's runtime lacks. For AWS, the libraries are wheels for its runtime, with the versions and hashes
of `locks/cloud.txt`; for a local cloud, they are those of the running interpreter. The same input
gives the same bytes, so an unchanged function isn't deployed again.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from data.command_line import JsonOption, print_json
from data.errors import GreenlightError

FUNCTIONS = ("store_feedback", "predict", "start_retraining", "judge_model", "release_model")
ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "locks" / "cloud.txt"
_RUN_PIP = ROOT / "locks" / "run_pip.py"
_PIP_LOG = ROOT / "build" / "pip-lambdas.log"
AWS_PYTHON = "3.13"
_TAGS = ("manylinux2014", "manylinux_2_27", "manylinux_2_28")
# pip takes a tag as it is: wheels for a newer glibc, up to that of AWS's runtime (2.34), by name.
PLATFORMS = {
    architecture: tuple(f"{tag}_{machine}" for tag in _TAGS)
    for architecture, machine in (("arm64", "aarch64"), ("x86_64", "x86_64"))
}
# ONNX Runtime has aborted on arm64 in Lambda, where /sys/devices/system/cpu/possible is missing.
ARCHITECTURES = {"judge_model": "x86_64"}
# Too large to be packed at each start of a local cloud: linked into a folder there (see
# `link_libraries`).
LINKED = ("numpy", "onnxruntime")

_OURS = ("data", "judging", "lambdas")
# Part of AWS's Python runtime, and of the local cloud's environment.
_IN_THE_RUNTIME = {"boto3", "botocore"}
# Imported for type checking only, or by parts of a library that the functions don't use.
_NOT_NEEDED = {"mypy_boto3_dynamodb", "mypy_boto3_s3"}
# Required by onnxruntime for its tools, which no function uses.
_TOOLS_ONLY = {"flatbuffers", "packaging", "protobuf"}
# How a lock tells entries for different Pythons apart.
_FOR_PYTHON = re.compile(r" ?; python_full_version (?P<sign><|>=) ['\"](?P<version>[\d.]+)['\"]")
_MOST_PIP_SECONDS = 900.0
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class PackagingFailed(GreenlightError):
    """A package can't be built; the message says why and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a function imports: our own files, and libraries by distribution name."""

    files: tuple[Path, ...]
    libraries: tuple[str, ...]


def contents_of(function: str) -> Contents:
    """Return what `lambdas.<function>.handler` imports, directly or indirectly."""
    waiting = [f"lambdas.{function}.handler"]
    files: dict[str, Path] = {}
    libraries: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in files:
            continue
        path = _file_of(module)
        files[module] = path
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        for name in _imports(path):
            if name.partition(".")[0] in _OURS:
                waiting.append(name)
            else:
                libraries.add(name.partition(".")[0])
    outside = libraries - set(sys.stdlib_module_names) - _IN_THE_RUNTIME - _NOT_NEEDED
    return Contents(tuple(sorted(files.values())), _distributions(outside))


def _file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    # The file first: there is a folder data/films, for film tables, next to data/films.py.
    return file if file.exists() else path / "__init__.py"


# Most files are in several packages.
@functools.cache
def _imports(path: Path) -> frozenset[str]:
    """Return the modules that a file imports; `from data import wire` gives `data.wire`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = node.module.partition(".")[0] in _OURS and _file_of(inner).exists()
                found.add(inner if is_module else node.module)
    return frozenset(found)


def _distributions(modules: set[str]) -> tuple[str, ...]:
    """Return the distributions of these top-level modules and everything they require."""
    providers = _providers()
    waiting = [_plain(providers[module][0]) for module in sorted(modules)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found or name in _TOOLS_ONLY:
            continue
        found.add(name)
        for requirement in metadata.requires(name) or ():
            if "extra ==" not in requirement:
                waiting.append(_plain(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]))
    return tuple(sorted(found))


@functools.cache
def _providers() -> Mapping[str, list[str]]:
    # This opens every installed distribution, which takes a fifth of a second.
    return metadata.packages_distributions()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def build(function: str, target: Path, libraries: Path | None = None) -> Path:
    """Write the package of a function.

    Args:
        function: its folder in lambdas/.
        target: the zip file; written whole or not at all.
        libraries: a folder of installed libraries; None for those of the running interpreter,
            without the LINKED ones.
    """
    contents = contents_of(function)
    entries = {path.relative_to(ROOT).as_posix(): path for path in contents.files}
    if libraries is None:
        for name in set(contents.libraries) - set(LINKED):
            entries.update(_installed_files(name))
    else:
        found = (path for path in libraries.rglob("*") if path.is_file())
        entries.update({path.relative_to(libraries).as_posix(): path for path in found})
    fresh = target.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in sorted(entries.items()):
            if "__pycache__" in name or name.endswith((".pyi", ".pyc")):
                continue
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return fresh.replace(target)


def _installed_files(name: str) -> Iterator[tuple[str, Path]]:
    for file in metadata.files(name) or ():
        # Scripts are outside of the library folder, and not needed.
        if ".." not in file.parts:
            yield file.as_posix(), Path(str(file.locate()))


def link_libraries(folder: Path) -> Path:
    """Link the LINKED libraries of the running interpreter into a folder, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        tops = {Path(file).parts[0] for file, _ in _installed_files(name)}
        places = {Path(str(metadata.distribution(name).locate_file(top))) for top in tops}
        for place in places:
            link = folder / place.name
            link.unlink(missing_ok=True)
            link.symlink_to(place)
    return folder


def fetch_libraries(names: Sequence[str], architecture: str, folder: Path) -> None:
    """Install the locked versions of these libraries for AWS's runtime into a folder.

    Raises:
        PackagingFailed: with pip's errors and the path of its log.
    """
    lock = folder.with_suffix(".lock")
    lock.write_text("".join(_locked(names)), "utf-8")
    command = [
        *(sys.executable, str(_RUN_PIP), str(_PIP_LOG), "install", "-r", str(lock)),
        *("--target", str(folder), "--no-compile", "--only-binary", ":all:"),
        *("--python-version", AWS_PYTHON, "--implementation", "cp"),
        # What is locked suits that Python, but pip would ask whether it suits the running one.
        "--ignore-requires-python",
        *(word for platform in PLATFORMS[architecture] for word in ("--platform", platform)),
    ]
    try:
        result = subprocess.run(
            command, stderr=subprocess.PIPE, text=True, check=False, timeout=_MOST_PIP_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stderr or b"").decode("utf-8", "replace").strip()
        raise PackagingFailed(
            f"waited {_MOST_PIP_SECONDS:.0f} s for pip to fetch the libraries for Python "
            f"{AWS_PYTHON} on {architecture}; run this again. "
            f"pip printed: {output[-500:] or 'nothing'}"
        ) from error
    if result.returncode:
        raise PackagingFailed(
            f"the libraries for Python {AWS_PYTHON} on {architecture} couldn't be downloaded; "
            f"is there a network? {result.stderr.strip()[-700:]}"
        )


def _locked(names: Sequence[str]) -> Iterator[str]:
    """Yield the entries of `locks/cloud.txt` for these distributions, with their hashes."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", LOCK.read_text("utf-8"))
    locked = {
        _plain(re.split(r"[=\[ ]", entry, maxsplit=1)[0]): _FOR_PYTHON.sub("", entry)
        for entry in entries
        if _is_for_aws(entry)
    }
    for name in names:
        if name not in locked:
            raise PackagingFailed(f"{LOCK.name} doesn't list {name}; run `make lock`")
        yield locked[name]


def _is_for_aws(entry: str) -> bool:
    """Return whether a lock's entry is for AWS's Python: pip would judge by the running one."""
    found = _FOR_PYTHON.search(entry)
    if found is None:
        return True
    least, here = (
        tuple(int(part) for part in version.split("."))
        for version in (found["version"], AWS_PYTHON)
    )
    return (here >= least) == (found["sign"] == ">=")


def build_for_local_cloud(folder: Path) -> dict[str, Path]:
    """Build all packages for the running interpreter; return them by function."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: build(name, folder / f"{name}.zip") for name in FUNCTIONS}


def build_for_aws(folder: Path, architecture: str) -> dict[str, Path]:
    """Build all packages for AWS's runtime; return them by function.

    Args:
        folder: where the packages go.
        architecture: of all functions that ARCHITECTURES doesn't list.

    Raises:
        PackagingFailed: the libraries can't be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    packages = {}
    with tempfile.TemporaryDirectory() as scratch:
        # Functions with the same libraries share one download.
        fetched: dict[tuple[str, tuple[str, ...]], Path] = {}
        for name in FUNCTIONS:
            wanted = ARCHITECTURES.get(name, architecture), contents_of(name).libraries
            if wanted not in fetched:
                fetched[wanted] = Path(scratch) / f"libraries-{len(fetched)}"
                fetch_libraries(wanted[1], wanted[0], fetched[wanted])
            packages[name] = build(name, folder / f"{name}.zip", fetched[wanted])
    return packages


def content_key(package: Path) -> str:
    """Return a package's S3 key: it contains a hash of the content, so a change is always seen."""
    return f"{package.stem}/{hashlib.sha256(package.read_bytes()).hexdigest()[:16]}.zip"


def template_keys(packages: Mapping[str, Path]) -> dict[str, str]:
    """Return the template's parameters for the uploaded packages."""
    return {
        f"{name.title().replace('_', '')}Key": content_key(path) for name, path in packages.items()
    }


def package_command(
    out: Annotated[Path, typer.Option(help="where the packages go")] = Path("build/lambdas"),
    architecture: Annotated[str, typer.Option(help="arm64 or x86_64, of AWS's runtime")] = "arm64",
    for_local_cloud: Annotated[
        bool, typer.Option("--for-local-cloud", help="for the running interpreter instead")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Package the functions without deploying them."""
    if architecture not in PLATFORMS:
        raise typer.BadParameter(f"{architecture}: give one of {', '.join(PLATFORMS)}")
    if for_local_cloud:
        packages = build_for_local_cloud(out / "local")
    else:
        packages = build_for_aws(out / architecture, architecture)
    if as_json:
        print_json({name: str(path) for name, path in packages.items()})
        return
    for path in packages.values():
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB")

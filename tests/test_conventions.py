"""Our conventions: dependencies explained and locked, a light device, no secrets, unique names."""

import ast
import re
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROLES = PROJECT["optional-dependencies"]


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()


def locked(role: str) -> set[str]:
    lines = (ROOT / "locks" / f"{role}.txt").read_text().splitlines()
    return {name_of(line) for line in lines if line[:1].isalnum()}


# These have environments of their own: the local cloud, and the tool that makes environments.
OUTSIDE = {"ministack", "virtualenv"}


def test_every_dependency_is_explained_and_nothing_else():
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = {name for row in rows[1:] for name in row.split(", ")} - {"---"}
    named = {
        name_of(requirement)
        for requirements in [PROJECT["dependencies"], *ROLES.values()]
        for requirement in requirements
    }
    assert explained == named | OUTSIDE


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_dependency_is_locked_for_its_role(role):
    wanted = {name_of(one) for one in [*PROJECT["dependencies"], *ROLES[role]]}
    assert wanted - locked(role) == set()


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "locks").glob("*.txt")))
def test_every_locked_package_has_its_hashes_and_no_address(lock):
    text = (ROOT / "locks" / lock).read_text()
    assert "://" not in text
    packages = re.split(r"\n(?=\S)", text.strip())
    assert [package for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("role", ["edge", "sync"])
@pytest.mark.parametrize("heavy", ["pandas", "scikit-learn", "onnx", "skl2onnx", "scipy"])
def test_what_only_training_needs_never_reaches_the_device(role, heavy):
    assert heavy not in locked(role)


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_private_key_and_no_certificate_is_committed():
    armour = re.compile(rb"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\n[A-Za-z0-9+/]{20}")
    assert [path.name for path in committed() if armour.search(path.read_bytes())] == []
    assert [path.name for path in committed() if path.suffix in (".pem", ".key", ".crt")] == []


PACKAGES = {"data", "judging", "training", "edge", "cloud_sync", "lambdas", "local_cloud"}


def test_the_top_level_holds_only_the_named_folders():
    folders = {path.relative_to(ROOT).parts[0] for path in committed() if path.parent != ROOT}
    assert folders <= {*PACKAGES, "systemd", "tests", "docs", "locks", "examples", ".ci", ".github"}


def public_classes() -> dict[str, list[str]]:
    """Return the files that define each public class, by the class's name."""
    found = defaultdict(list)
    for path in committed():
        where = path.relative_to(ROOT)
        if where.parts[0] in PACKAGES and path.suffix == ".py":
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(where))
    return found


def test_no_public_class_name_occurs_twice():
    twice = {name: files for name, files in public_classes().items() if len(files) > 1}
    assert twice == {}


def test_make_alone_lists_what_can_be_asked_for():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for target in ("demo", "test", "check", "train-export", "cloud"):
        assert f"make {target} " in listed


# ---------------------------------------------------------------- tests


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("fixture" in ast.unparse(one) for one in function.decorator_list)


def unused_parameters(text: str) -> list[str]:
    """Return each parameter that a test or a fixture asks for and never reads."""
    return [
        f"{function.name}({parameter.arg})"
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (function.name.startswith("test_") or is_fixture(function))
        for parameter in [*function.args.args, *function.args.kwonlyargs]
        if parameter.arg not in {"self", "cls"}
        and not any(
            isinstance(node, ast.Name) and node.id == parameter.arg
            for statement in function.body
            for node in ast.walk(statement)
        )
    ]


def test_every_fixture_that_a_test_asks_for_is_used():
    """Where only the effect is wanted: `@pytest.mark.usefixtures`."""
    found = {
        str(path.relative_to(ROOT)): unused
        for path in committed()
        if path.is_relative_to(ROOT / "tests") and path.suffix == ".py"
        for unused in [unused_parameters(path.read_text("utf-8"))]
        if unused
    }
    assert found == {}


def test_an_unused_fixture_parameter_is_found():
    assert unused_parameters("def test_x(a, b):\n    assert a") == ["test_x(b)"]
    assert unused_parameters("@pytest.fixture\ndef x(a):\n    return 1") == ["x(a)"]
    assert unused_parameters("def helper(a):\n    return 1") == []

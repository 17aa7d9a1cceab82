"""The Dockerfile of endpoint and training refers to existing files; building it needs Docker."""

from __future__ import annotations

import inspect
import json
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdas.start_retraining.sagemaker import COMMAND
from training import serve

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "lambdas" / "endpoint" / "Dockerfile"


def lines_of(word: str) -> list[str]:
    text = DOCKERFILE.read_text("utf-8")
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.startswith(word)]


def copies() -> Iterator[tuple[str, str]]:
    """Yield what the image copies, and where to."""
    for line in lines_of("COPY"):
        *names, target = line.split()
        for name in names:
            yield name, f"{target}{name.rpartition('/')[2]}" if target.endswith("/") else target


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's folder, as far as it can be made without Docker."""
    folder = tmp_path_factory.mktemp("image")
    ignored = shutil.ignore_patterns("films", "__pycache__")
    for name, target in copies():
        if target.startswith("/"):
            continue
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / target, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / target)
    return folder


def run_in(image: Path, code: str) -> None:
    """Run code with the image's modules and the libraries, but without this checkout's."""
    # -S: a path file in the libraries' folder would lead back to the checkout.
    start = f"import sys; sys.path[:0] = ['.', {sysconfig.get_path('purelib')!r}]\n"
    done = subprocess.run(
        [sys.executable, "-S", "-c", start + code],
        cwd=image,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_image_copies_is_there_and_none_of_it_is_ignored() -> None:
    ignore = DOCKERFILE.with_name(f"{DOCKERFILE.name}.dockerignore").read_text("utf-8")
    kept = [line[1:] for line in ignore.splitlines() if line.startswith("!")]
    assert sorted(kept) == sorted(name for name, _ in copies())
    for name in kept:
        assert (ROOT / name).exists(), name
    assert "data/films" in ignore.splitlines(), "the film tables of this machine stay here"


def test_every_module_of_training_can_be_imported_in_the_image(image: Path) -> None:
    run_in(
        image,
        "import importlib, pkgutil, training\n"
        "for one in pkgutil.walk_packages(training.__path__, 'training.'):\n"
        "    if not one.name.endswith('__main__'):\n"
        "        importlib.import_module(one.name)\n",
    )


def test_the_images_command_is_one_that_the_serving_code_takes() -> None:
    shell, option, command = json.loads(lines_of("ENTRYPOINT")[0])
    assert (shell, option) == ("sh", "-c")
    words = shlex.split(command.removeprefix("exec "))
    assert words[:3] == ["python", "-m", "training.serve"]
    options = [word for word in words if word.startswith("--")]
    taken = inspect.signature(serve.serve).parameters
    assert {option.removeprefix("--").replace("-", "_") for option in options} <= set(taken)
    assert words[words.index("--port") + 1] == "8080", "where SageMaker asks"


def test_what_a_training_job_runs_is_in_the_image() -> None:
    command = COMMAND[1:]
    assert command[:2] == ("-m", "training"), "by its folder: the image installs no package"
    assert "training training" in lines_of("COPY")
    done = subprocess.run(
        [sys.executable, *command[:3], "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for option in (*command[3:], "--version"):
        assert option in done.stdout

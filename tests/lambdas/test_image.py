"""The Dockerfile of endpoint and training refers to existing files; building it needs Docker."""

from __future__ import annotations

import inspect
import json
import shlex
import subprocess
import sys
from pathlib import Path

from lambdas.start_retraining.sagemaker import COMMAND
from training import serve

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "lambdas" / "endpoint" / "Dockerfile"


def lines_of(word: str) -> list[str]:
    text = DOCKERFILE.read_text("utf-8")
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.startswith(word)]


def test_what_the_image_copies_is_there() -> None:
    copied = [name for line in lines_of("COPY") for name in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name


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

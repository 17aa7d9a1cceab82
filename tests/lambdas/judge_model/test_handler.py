"""The judge as it is packaged: in AWS's runtime with numpy, ONNX Runtime and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from data.films import Combination
from data.manifest import MODEL
from lambdas.judge_model.scorer import UntrustedModel
from lambdas.operator import package

from ..runtime import RunningFunction

# Scores a row, and names what was loaded.
SCORE = """
import json, os, sys
from pathlib import Path
from data.films import Combination
from lambdas.judge_model.scorer import UntrustedModel
scorer = UntrustedModel(Path(sys.argv[1]).read_bytes())
found = scorer.predict([Combination("Director 0001", 1990, ("Drama",))])
tops = {name.partition(".")[0] for name in sys.modules}
heavy = tops & {"pandas", "sklearn", "scipy", "onnx", "joblib", "google", "flatbuffers", "sympy"}
hidden = not os.path.exists("/sys/devices/system/cpu/possible")
print(json.dumps([found.expected.tolist(), sorted(heavy), hidden]))
"""


@pytest.fixture(scope="module")
def unpacked(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The package as the function sees it, and the libraries that AWS's package holds too."""
    folder = tmp_path_factory.mktemp("judge")
    with zipfile.ZipFile(packages["judge_model"]) as archive:
        archive.extractall(folder / "package")
    return [folder / "package", package.link_libraries(folder / "libraries")]


def score(unpacked: list[Path], model: Path, before: list[str]) -> list[object]:
    done = subprocess.run(
        [*before, sys.executable, "-S", "-c", SCORE, str(model)],
        capture_output=True,
        text=True,
        check=False,
        cwd=unpacked[0],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, unpacked))},
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def expected_of(model: Path) -> list[float]:
    row = Combination("Director 0001", 1990, ("Drama",))
    return list(UntrustedModel(model.read_bytes()).predict([row]).expected)


def test_its_package_scores_with_numpy_and_onnx_runtime_alone(
    unpacked: list[Path], example: Path
) -> None:
    found, heavy, _ = score(unpacked, example / MODEL, [])
    assert (found, heavy) == (expected_of(example / MODEL), [])


def test_it_scores_where_lambda_shows_no_processors(
    unpacked: list[Path], example: Path, own_mounts: list[str]
) -> None:
    """In Lambda, /sys/devices/system/cpu/possible is missing; ONNX Runtime has aborted over it."""
    hide = 'mount -t tmpfs none /sys/devices/system/cpu && exec "$0" "$@"'
    found, _, hidden = score(unpacked, example / MODEL, [*own_mounts, "sh", "-c", hide])
    assert hidden
    assert found == expected_of(example / MODEL)


@pytest.mark.parametrize(
    "event", [None, {}, {"job": 7}, {"job": "other-retrain-20260102T030405Z"}, {"job": "../x"}]
)
def test_an_event_that_names_no_job_of_the_stack_is_refused(
    judge_model: RunningFunction, event: object
) -> None:
    result = judge_model.call(event)
    assert (result.kind, list(result.content)) == ("response", ["refused"])


@pytest.fixture(scope="module")
def judge_model(
    packages: dict[str, Path],
    libraries: Path,
    unpacked: list[Path],
    tmp_path_factory: pytest.TempPathFactory,
):
    with RunningFunction(
        packages["judge_model"],
        "lambdas.judge_model.handler.handle",
        libraries,
        tmp_path_factory.mktemp("judge-model"),
        PYTHONPATH=os.pathsep.join(map(str, [*unpacked, libraries])),
        STACK="greenlight",
        DATA_BUCKET="d",
        ACCOUNT="000000000000",
        MODELS_BUCKET="m",
        MODEL_NAME="films",
    ) as running:
        yield running

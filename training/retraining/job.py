"""The folders and hyperparameters of a SageMaker training job, under its script mode's names.

SageMaker puts channels into /opt/ml/input/data and keeps what it finds in /opt/ml/model; its
toolkit gives the same in variables SM_*. Plain containers get only the folders.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from data import wire
from training.errors import SourceUnavailable

ROOT = Path("/opt/ml")
MODEL_DIR = "SM_MODEL_DIR"
_CONFIG_DIR = "SM_INPUT_CONFIG_DIR"
_OUTPUT_DIR = "SM_OUTPUT_DATA_DIR"
_TABLES = (".csv", ".tsv")


def channel(name: str) -> str:
    """Return a channel's default folder, if no variable names it."""
    return str(ROOT / "input/data" / name)


def hyperparameters() -> dict[str, str]:
    """Return the job's hyperparameters; none if there is no such file.

    Raises:
        SourceUnavailable: the file isn't a map of text to text.
    """
    folder = Path(os.environ.get(_CONFIG_DIR) or ROOT / "input/config")
    path = folder / "hyperparameters.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SourceUnavailable(f"{path}: can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceUnavailable(f"{path}: {wire.refusal(error, 'the file')}") from error


def keep_output(out: Path, names: Iterable[str]) -> None:
    """Copy files to SageMaker's output folder, so they can be read without unpacking the model."""
    place = Path(os.environ.get(_OUTPUT_DIR) or ROOT / "output/data")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(out / name, place / name)
    except OSError as error:
        raise SourceUnavailable(f"{place}: cannot be written: {error.strerror}") from error


def film_table_in(place: Path) -> Path:
    """Return the film table of a channel: the file itself, or the only one in its folder.

    Raises:
        SourceUnavailable: there is none, or more than one.
    """
    if not place.is_dir():
        return place
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in _TABLES)
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise SourceUnavailable(f"{place}: contains {names}; put one table there, .csv or .tsv")
    return found[0]

"""The model card at the end of the report: intended use, limits, licence and software.

After Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

import importlib.metadata
import platform

from training.dataset import FilmTable
from training.model.estimator import FilmModel

_PACKAGES = ("greenlight", "numpy", "scikit-learn", "onnx", "skl2onnx", "onnxruntime")
_NOT_COMMERCIAL = "not for commercial use; the model inherits that"
_LICENCES = {
    "sample": f"Open Movie Database snapshot in bokeh-sampledata, CC BY-NC 4.0: {_NOT_COMMERCIAL}",
    "wikidata": "Wikidata, CC0: free for any use",
    "imdb": f"IMDb's files, personal use: {_NOT_COMMERCIAL}",
    "ratings-list": f"IMDb's list, personal use: {_NOT_COMMERCIAL}",
}
_OWN = "your table's licence"


def facts(table: FilmTable) -> dict[str, str]:
    """Return the card's lines, by what each is about."""
    settings = FilmModel().get_params()
    return {
        "Intended use": "choosing the next film to make on an appliance whose owner rates it, and "
        "comparing combinations of director, year and genres",
        "Not for": "judging people, predicting single films for sale, ratings on another scale",
        "Limits": "it knows no actors, story or budget; a director it hasn't seen counts as "
        "average; years past the films count as the last one; the films people "
        "rate aren't all films",
        "Licence of the films": _LICENCES.get(table.source, _OWN),
        "Settings": ", ".join(f"{name} {value:g}" for name, value in settings.items()),
        "Made with": ", ".join([f"Python {platform.python_version()}", *map(_version, _PACKAGES)]),
    }


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} unknown"

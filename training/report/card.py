"""The model card at the end of the report: intended use, limits, licence and software.

After Mitchell et al., Model Cards for Model Reporting, 2019.
"""

from __future__ import annotations

import importlib.metadata
import platform

from data.domain import FILMS
from training.dataset import FilmTable
from training.model.estimator import FilmModel
from training.report.first_page import seen

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
    settings, domain = FilmModel().get_params(), table.domain
    limits = [
        "a director it hasn't seen counts as average",
        "the films people rate aren't all films",
    ]
    if domain.ordinal:
        limits.insert(1, "years past the films count as the last one")
    if domain == FILMS:
        limits.insert(0, "it knows no actors, story or budget")
    written = {
        "Intended use": f"choosing the next film to {domain.words.make} on an appliance whose "
        f"owner rates it, and comparing combinations of {seen(domain)}",
        "Not for": "judging people, predicting single films for sale, ratings on another scale",
        "Limits": "; ".join(limits),
    }
    return {
        **{name: domain.reword(text) for name, text in written.items()},
        domain.reword("Licence of the films"): _LICENCES.get(table.source, _OWN),
        "Settings": ", ".join(f"{name} {value:g}" for name, value in settings.items()),
        "Made with": ", ".join([f"Python {platform.python_version()}", *map(_version, _PACKAGES)]),
    }


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package} unknown"

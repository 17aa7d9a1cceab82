"""The notebook runs in Jupyter, and what GitHub shows of it is what it prints."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from data import signing
from training.export.example_bundle import make_example_bundle

NOTEBOOK = Path(__file__).parents[2] / "examples" / "explain_a_pick.ipynb"


def printed(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what each code cell printed; of a figure, that there is one."""
    return [
        "".join(
            output.get("text") or ("figure\n" if "image/png" in output.get("data", {}) else "")
            for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_the_notebook_explains_the_pick_of_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GREENLIGHT_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("GREENLIGHT_BUNDLE", str(tmp_path / "bundle"))
    # A user's own start-up files and backend would change what the notebook shows.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    signing.development_key()
    make_example_bundle(tmp_path / "bundle")
    kept = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(kept)
    fresh = nbformat.from_dict({**kept, "cells": [{**cell} for cell in kept.cells]})
    NotebookClient(
        fresh,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    ).execute()
    counts, best, why, chances, other = printed(fresh)
    assert re.fullmatch(r"[\d,]+ directors and \d+ genres\n", counts)
    title, stars, looked = best.splitlines()
    assert re.fullmatch(r".+: .+, \d{4}, .+", title)
    assert re.fullmatch(r"\d\.\d\d stars expected, the best of [\d,]+", stars)
    assert looked.startswith("the search looked at")
    assert why == "figure\n"
    assert re.fullmatch(r"figure\n\d+% for 8 stars or more\n", chances)
    assert "stars expected" in other
    # What GitHub shows is of the sample's model: other films and numbers, the same lines.
    assert [len(text.splitlines()) for text in printed(kept)[:4]] == [1, 3, 1, 2]

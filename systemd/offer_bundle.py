"""Offers the model that came with a release to the appliance, like any download.

usage: offer_bundle.py STATE BUNDLE, as user greenlight. A model that was offered before isn't
offered again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

from edge.incoming import hand_over, incoming_folder
from edge.journal import JOURNAL, Journal

# Distinguishes these offers from those of the cloud's jobs.
_JOB = "release"


def offer(state: Path, bundle: Path) -> str:
    """Copy the bundle to the downloads, durably, and offer it; return what was done."""
    manifest = (bundle / "manifest.json").read_bytes()
    sha256 = hashlib.sha256(manifest).hexdigest()
    version = int(json.loads(manifest)["version"])
    with Journal.open(state / JOURNAL) as journal:
        known: set[str | None] = {offered.manifest_sha256 for offered in journal.incoming_models()}
        known |= {tried.manifest_sha256 for tried in journal.activations_after(0)}
        if sha256 in known:
            return f"model version {version} was offered before"
        name = f"{_JOB}-{version}"
        partial = incoming_folder(state) / f".partial-{name}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for source in bundle.iterdir():
            with source.open("rb") as reading, (partial / source.name).open("wb") as writing:
                shutil.copyfileobj(reading, writing)
                writing.flush()
                os.fsync(writing.fileno())
        hand_over(partial, state, name)
        journal.offer_model(version, sha256, _JOB, name)
    return f"model version {version} is offered"


if __name__ == "__main__":
    os.umask(0o007)
    print(offer(Path(sys.argv[1]), Path(sys.argv[2])))

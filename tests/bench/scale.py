"""Real sizes: 20,000 and 100,000 directors, as IMDb has them, within a 1 GB Pi's memory.

The bundles are signed and whole, and go through the real converter; only the fit is of few
directors, whose tables are then given to as many as it takes.
"""

import dataclasses
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np

from data import limits, signing, wire
from data.bundle import write_bundle
from data.catalogue import Catalogue, DirectorEntry
from data.manifest import CATALOGUE, MODEL, PROBES
from data.probes import Probe, Probes
from edge.search.drawn_slate import draw_slate
from edge.search.model import Model
from edge.search.pick import choose_drawn
from edge.search.slate import Slate
from edge.search.what_if import explain_film
from tests.campaigns.made_up_careers import (
    FILMS_EACH,
    films,
    made_up_names,
    made_up_title,
    made_up_words,
)
from training.dataset import FilmTable
from training.export import converter
from training.export.bundle import prepare
from training.export.catalogue import titles_of
from training.export.compile import compile_model
from training.export.example_bundle import small_model

from .cold import WATCHED, peak_mb, seconds_of_process
from .measure import Measure, seconds_of, shown

SIZES = (20_000, 100_000)
FITTED = 400
# As systemd allows the appliance, and a trial beside it.
BUDGET_MB = limits.MEMORY_BUDGET_BYTES / 2**20
WATCHED_TRIAL = """
import re, resource, sys
from edge.models import trial
sys.argv[0] = trial.__file__
code = trial._child(*sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, code, file=sys.stderr)
"""


def measures(bundle):
    model, exported = fitted()
    for count in SIZES:
        with tempfile.TemporaryDirectory(dir="build") as folder:
            yield from measured(model, exported, count, Path(folder) / "bundle")


def measured(model, exported, count, folder):
    made = write_scaled(model, exported, count, folder)
    total = sum(file.stat().st_size for file in folder.iterdir())
    name = f"directors_{count}"
    yield Measure(
        f"{name}_mb",
        total / 1e6,
        limits.MAX_BUNDLE_BYTES / 1e6,
        limits.MAX_BUNDLE_BYTES / 2e6,
        f"the bundle: model.onnx {len(made[MODEL]) / 1e6:.1f} MB, catalogue.json "
        f"{len(made[CATALOGUE]) / 1e6:.1f} MB; {FILMS_EACH * count:,} films",
        lower=True,
        unit="MB",
    )
    asked = ["pick", "--bundle", folder, "--everything", "--json"]
    ours = [Path(sys.executable).with_name("greenlight"), *asked]
    cold = statistics.median(seconds_of_process(ours) for _ in range(3))
    answer = json.loads(subprocess.run([str(p) for p in ours], capture_output=True).stdout)
    assert answer["searched"] == "tables"
    assert answer["fault"] is None
    yield Measure(
        f"{name}_cold_seconds",
        cold,
        15,
        5,
        f"a new greenlight pick --everything, {answer['space']['size']:,} combinations",
        lower=True,
        unit="s",
    )
    pick = peak_mb([sys.executable, "-c", WATCHED, *asked])
    trial = peak_of_trial(folder)
    yield Measure(
        f"{name}_rss_mb",
        pick + trial,
        BUDGET_MB,
        BUDGET_MB / 2,
        f"peak of an exact search of everything {pick:.0f} MB, and of the trial of another "
        f"{trial:.0f} MB beside it",
        lower=True,
        unit="MB",
    )
    loaded = Model.open(folder, keys())
    rng = random.Random(0)

    def press():
        choose_drawn(loaded, draw_slate(loaded, Slate(sample="next"), rng))

    taken = seconds_of(press, 25)
    yield Measure(
        f"{name}_press_ms",
        1000 * taken,
        250,
        100,
        f"drawing and scoring 36 next films {shown(taken)}",
        lower=True,
        unit="ms",
    )
    films = iter(
        [option.combination for option in draw_slate(loaded, Slate(sample="next"), rng).options] * 3
    )
    explain_film(loaded, next(films))
    explained = seconds_of(lambda: explain_film(loaded, next(films)), 25)
    yield Measure(
        f"{name}_explain_ms",
        1000 * explained,
        100,
        50,
        f"what a change of one choice would make, after a first {shown(explained)}",
        lower=True,
        unit="ms",
    )


def keys():
    return signing.read_public_keys(signing.keys_folder())


# The appliance has its C library do the same.
LITTLE = {
    **os.environ,
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


def peak_of_trial(folder):
    """Return the peak memory of a bundle's trial in MB; it must pass within a device's limits."""
    key = signing.development_key()
    with tempfile.TemporaryDirectory() as trusted:
        (Path(trusted) / f"{key.key_id}.pub.pem").write_bytes(key.public_pem)
        command = [sys.executable, "-c", WATCHED_TRIAL, folder, trusted]
        command += [Path(trusted) / "trust.json", limits.TRIAL_MEMORY_BYTES, 60]
        # A shell in between: a child's peak includes its parent's, whose memory it began with.
        command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, env=LITTLE
        )
    peak, code = done.stderr.split()[-2:]
    assert code == "0", done.stdout + done.stderr
    return int(peak) / 1024


def fitted():
    """Return a small model of few directors, and its export."""
    model = small_model()
    return model, prepare(
        FilmTable("scale", "made up", list(films(FITTED)), []), model, version=1, combinations=500
    )


def write_scaled(model, exported, count, folder):
    """Write a signed bundle with this many directors; return its files."""
    small = compile_model(model)
    known = len(small.names)
    draw = np.random.default_rng(count)
    rows = np.append(draw.integers(0, known, count), known)
    words = made_up_words(draw)
    names = made_up_names(count, draw, words)
    length = np.diff([*small.offset, len(small.director_genres)])[rows]
    offset = np.cumsum(length) - length
    places = np.arange(length.sum()) + np.repeat(small.offset[rows] - offset, length)
    changed = {
        field.name: getattr(small, field.name)[rows]
        for field in dataclasses.fields(small)
        if field.name.startswith(("director_", "own_", "head_"))
    }
    scaled = dataclasses.replace(
        small,
        **changed | {"director_genres": small.director_genres[places]},
        names=names,
        offset=offset,
    )
    with mock.patch.object(converter, "compile_model", return_value=scaled):
        graph = converter.to_onnx(model)
    before = msgspec.json.decode(exported.files[CATALOGUE], type=Catalogue)
    entries = tuple(
        DirectorEntry(name, e.films, e.first_year, e.last_year, e.genres, e.kinds)
        for name, e in zip(names, (before.directors[row] for row in rows[:-1]), strict=True)
    )
    made_up = (made_up_title(draw, words) for _ in range(FILMS_EACH * count))
    background = tuple(
        msgspec.structs.replace(one, director=names[number])
        for number, one in enumerate(before.background)
    )
    catalogue = msgspec.structs.replace(
        before,
        directors=entries,
        background=background,
        titles=titles_of(made_up),
    )
    said = Model(graph, catalogue, name="scale", version=1, hash="0" * 64)
    asked = [
        probe.combination
        for probe in msgspec.json.decode(exported.files[PROBES], type=Probes).probes[:48]
    ]
    asked = [
        msgspec.structs.replace(film, director=names[number]) for number, film in enumerate(asked)
    ]
    probes = Probes(
        tuple(
            Probe(film, found.expected, found.probabilities)
            for film, found in zip(asked, said.predict(asked), strict=True)
        ),
        tolerance=1e-5,
        seconds=10.0,
    )
    files = {
        MODEL: graph,
        CATALOGUE: wire.encode(catalogue, limits.MAX_BUNDLE_FILE_BYTES),
        PROBES: wire.encode(probes, limits.MAX_BUNDLE_FILE_BYTES),
    }
    write_bundle(folder, exported.manifest, files, signing.development_key())
    return files

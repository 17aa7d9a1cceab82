"""Tables as large as IMDb's, from the table to the pick, within a 1 GB Pi's memory: `make scale`.

python -m tests.campaigns.scale [DIRECTORS ...]   (default: 20,000 and 100,000; three films each)

For each size: a made-up film table is exported; the bundle is published in the local cloud; a
running appliance and its sync service take the update, and then another of the same size while
somebody presses and asks "What if"; `greenlight pick` finds the best of everything, which a sweep
of all combinations confirms. The kernel gives appliance, sync service and page no more memory than
systemd does on a Pi. Tables and bundles stay in build/scale for the next run. With --scaled, the
bundle isn't exported but made from a small fit, as `make bench` does. Exits 1 if a process was
ended for want of memory, or a pick wasn't the best.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec
import onnx

from data import limits, signing
from data.bundle import read_bundle, write_bundle
from data.film_table import write_films
from data.manifest import MANIFEST, MODEL
from edge.appliance import client
from edge.search.model import Model
from local_cloud.demo import steps
from local_cloud.demo.context import THING, DemoContext
from local_cloud.demo.runner import Runner, StepFailed
from tests.bench.scale import fitted, write_scaled

from .made_up_careers import FILMS_EACH, films
from .memory_group import MemoryGroup, NoGroups, Watch
from .prove import training_space
from .sweep import sweep

SIZES = (20_000, 100_000)
FOLDER = Path("build/scale")
UNITS = Path(__file__).parents[2] / "systemd"
# Long enough for the largest bundle on a busy machine.
WAIT_SECONDS = 900.0
PRESSES = 20
BEST = 10
ROLES = {
    "edge.models.trial": "trial",
    "greenlight page": "page",
    "edge page": "page",
    "greenlight run": "appliance",
    "greenlight-sync run": "sync",
    "greenlight pick": "pick",
}


@dataclass
class Figures:
    """What one size took; memory in MB, as resident unless it says otherwise."""

    directors: int
    films: int
    combinations: int
    model_mb: float
    bundle_mb: float
    export_seconds: float | None
    export_mb: float | None
    update_seconds: float
    appliance_mb: float
    trial_mb: float
    together_mb: float
    with_files_mb: float
    sync_mb: float
    page_mb: float
    press_ms: float
    explain_ms: float
    cold_pick_seconds: float
    cold_pick_mb: float
    ended_by_kernel: int
    exact: bool

    @property
    def good(self) -> bool:
        return self.exact and not self.ended_by_kernel


class GroupedRunner(Runner):
    """Runs the programs that a Pi's systemd would run, each within its unit's memory."""

    def __init__(self, folder: Path, groups: dict[str, MemoryGroup]) -> None:
        super().__init__(folder)
        self._groups = groups

    @contextlib.contextmanager
    def in_background(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        group = self._groups.get(name)
        inside = command if group is None else group.inside(*command)
        with super().in_background(name, *inside) as process:
            yield process


def allowed_bytes(unit: str) -> int:
    """Return what systemd gives a unit before it slows it down; here it's the end."""
    (line,) = [
        line
        for line in (UNITS / f"{unit}.service").read_text().splitlines()
        if line.startswith("MemoryHigh=")
    ]
    return int(line.removeprefix("MemoryHigh=").removesuffix("M")) * 2**20


def run(directors: int, folder: Path = FOLDER, *, scaled: bool = False) -> Figures:
    """Take one size from table to pick; return its figures.

    Raises:
        NoGroups: no limit can be set here.
        StepFailed: a program failed, or didn't get done.
    """
    place = folder / str(directors)
    table, bundle = place / "films.csv", place / ("scaled" if scaled else "exported")
    place.mkdir(parents=True, exist_ok=True)
    took = bundle.with_suffix(".json")
    if not (bundle / MANIFEST).exists():
        if scaled:
            write_scaled(*fitted(), directors, bundle)
        else:
            took.write_text(json.dumps(export(directors, table, bundle)))
    exported = json.loads(took.read_text()) if took.exists() else (None, None)
    second = another_version(bundle, place / "second")
    with ExitStack() as ending:
        names = ("greenlight", "greenlight-sync", "greenlight-page", "pick")
        groups = {}
        for name in names:
            unit = "greenlight" if name == "pick" else name
            group = MemoryGroup(f"scale-{os.getpid()}-{name}", allowed_bytes(unit))
            groups[name] = group
            ending.callback(group.close)
        watch = Watch(groups, ROLES, {"page": groups["greenlight-page"]})
        ending.enter_context(watch)
        runner = GroupedRunner(place, groups)
        context = DemoContext(runner, bundle, table)
        context.clear()
        steps.cloud(context, ending)
        steps.boot(context, ending)
        deliver(context, bundle)
        presses = [press(context) for _ in range(PRESSES)]
        look_around(context)
        with asked_meanwhile(context) as explained:
            updated = deliver(context, second)
        seconds, picks = cold_pick(context, groups["pick"])
        model = open_model(second)
        space = training_space(model)
        (truth,) = sweep(model.tables, space, [BEST])
        best = [model.index.combination(*cell) for cell in zip(*truth.cells, strict=True)]
        found = [(pick["director"], pick["year"], tuple(pick["genres"])) for pick in picks]
        return Figures(
            directors=directors,
            films=FILMS_EACH * directors,
            combinations=space.size,
            model_mb=(bundle / MODEL).stat().st_size / 1e6,
            bundle_mb=sum(file.stat().st_size for file in bundle.iterdir()) / 1e6,
            export_seconds=exported[0],
            export_mb=exported[1],
            update_seconds=updated,
            appliance_mb=watch.peaks["appliance"],
            trial_mb=watch.peaks["trial"],
            together_mb=watch.together["greenlight"],
            with_files_mb=groups["greenlight"].peak_mb,
            sync_mb=watch.peaks["sync"],
            page_mb=watch.peaks["page"],
            press_ms=1000 * statistics.median(presses),
            explain_ms=1000 * statistics.median(explained),
            cold_pick_seconds=seconds,
            cold_pick_mb=watch.peaks["pick"],
            ended_by_kernel=sum(group.ended_by_kernel for group in groups.values()),
            exact=found == [(film.director, film.year, film.genres) for film in best],
        )


def export(directors: int, table: Path, bundle: Path) -> tuple[float, float]:
    """Write a table and its bundle; return the export's processor time and peak memory in MB."""
    print(f"a table of {FILMS_EACH * directors:,} films by {directors:,} directors", flush=True)
    write_films(table, list(films(directors)))
    program = Path(sys.executable).with_name("greenlight-train")
    command = [program, "export", "--source", "csv", "--ratings", table, "--out", bundle]
    child = subprocess.Popen([*map(str, command), "--jobs", "1"])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise StepFailed(f"the export of {table} exited with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def another_version(bundle: Path, folder: Path) -> Path:
    """Write the same model as the next version; return its folder."""
    first = read_bundle(bundle, keys())
    manifest = msgspec.structs.replace(first.manifest, version=first.manifest.version + 1)
    graph = onnx.load_from_string(first.model)
    graph.doc_string += "again"  # means nothing, but makes another hash
    files = {**first.files, MODEL: graph.SerializeToString()}
    write_bundle(folder, manifest, files, signing.development_key())
    return folder


def keys() -> dict[str, bytes]:
    return dict(signing.read_public_keys(signing.keys_folder()))


def open_model(bundle: Path) -> Model:
    return Model.open(bundle, keys())


def deliver(context: DemoContext, bundle: Path) -> float:
    """Publish a bundle; return the seconds until the appliance answers with it."""
    manifest = json.loads((bundle / MANIFEST).read_text())
    with context.runner.step(f"Version {manifest['version']} is published, tried and activated"):
        began = time.monotonic()
        context.runner.run(
            *("greenlight-cloud", "model", "publish", str(bundle), "--no-arrays", "--unjudged"),
            *("--local", str(context.cloud_folder), "--thing", THING),
        )

        def active() -> bool | None:
            context.job_succeeded()  # raises once it has failed
            model = context.status().get("model") or {}
            return True if model.get("version") == manifest["version"] else None

        logs = (context.runner.log("greenlight"), *context.logs)
        context.runner.until("the model to answer", active, WAIT_SECONDS, *logs)
        took = time.monotonic() - began
        context.runner.until("the job to succeed", context.job_succeeded, WAIT_SECONDS, *logs)
    return took


def press(context: DemoContext) -> float:
    """Press; return the seconds until the pick was on the disk."""
    began = time.monotonic()
    answer = client.ask(context.device, "press", timeout_seconds=WAIT_SECONDS)
    if not answer["ok"]:
        raise StepFailed(f"a press was refused: {answer['error']}")
    return time.monotonic() - began


def look_around(context: DemoContext) -> None:
    """Open the page's views, as an owner would."""
    from tests.edge.page.running_appliance import Visitor

    visitor = Visitor(context.page_port)
    pin = context.runner.run(*context.greenlight("pin"), quiet=True).replace(" ", "").strip()
    visitor.sign_in(pin)
    for view in ("/", "/slate", "/history", "/model", "/sync", "/what-if"):
        status, _, _ = visitor.get(view)
        if status != 200:
            raise StepFailed(f"the page answered {view} with {status}")


@contextlib.contextmanager
def asked_meanwhile(context: DemoContext) -> Iterator[list[float]]:
    """Press and ask "What if" in turns, without a pause; yield the questions' seconds."""
    stopped, seconds = threading.Event(), []
    pick = context.runner.ask(*context.greenlight("history", "--json", "--limit", "1"))[0]["pick"]
    film = {name: pick[name] for name in ("director", "year", "genres")}

    def ask() -> None:
        while not stopped.is_set():
            with contextlib.suppress(StepFailed):
                press(context)
            for _ in range(3):
                began = time.monotonic()
                answer = client.ask(context.device, "explain", film=film)
                if answer["ok"]:
                    seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seconds
    finally:
        stopped.set()
        thread.join()


def cold_pick(context: DemoContext, group: MemoryGroup) -> tuple[float, list[dict[str, object]]]:
    """Return how long a new process takes for the best of everything, and its picks."""
    words = ("pick", "--everything", "--repeat-directors", "-k", str(BEST), "--json")
    began = time.monotonic()
    answer = context.runner.ask(*group.inside(*context.greenlight(*words)))
    return time.monotonic() - began, answer["picks"]


def show(found: list[Figures]) -> str:
    """Return the figures as a table, one size a column."""
    lines = []
    for field in fields(Figures):
        cells = []
        for figures in found:
            value = getattr(figures, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            digits = ".1f" if isinstance(value, float) else ""
            cells.append(f"{value:,{digits}}" if number else "-" if value is None else str(value))
        lines.append(f"{field.name.replace('_', ' '):20}" + "".join(f"{c:>18}" for c in cells))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directors", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--scaled", action="store_true", help="no export: scale up a small fit")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    found = []
    for directors in chosen.directors:
        try:
            found.append(run(directors, chosen.folder, scaled=chosen.scaled))
        except (NoGroups, StepFailed) as error:
            print(f"FAILED at {directors:,} directors: {error}")
            return 1
    figures = {str(one.directors): asdict(one) for one in found}
    (chosen.folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    budget = limits.MEMORY_BUDGET_BYTES / 2**20
    print(f"\nappliance and trial within {budget:.0f} MB, as the kernel enforced:\n{show(found)}")
    return 0 if all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())

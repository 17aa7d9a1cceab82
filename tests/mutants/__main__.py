"""`make mutants`: break each promise on purpose, and see a test fail.

`make mutants GATE=1` tries the quick dozen, `make mutants ARGS="NAME ..."` those you name. First,
the tests in the table must pass. Then each mutation is made in a copy of the tree, where one of its
test's assertions must fail. Exits 1 if a mutant survives or the text it changes is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.mutation import Mutation
from tests.mutants.table import MUTATIONS

ROOT = Path(__file__).parents[2]
_WORKERS = 2
# More than pytest gives a test, so that a busy machine counts as that and as nothing else.
_LONGEST_SECONDS = 400.0
_ALL_TESTS_SECONDS = 1800.0


def copy_tree(target: Path) -> Path:
    """Copy what git knows or would add, and link to the environments."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / "build").mkdir()
    for name in (".venv", "build/local-cloud-venv"):
        if (ROOT / name).exists():
            (target / name).symlink_to(ROOT / name)
    return target


def run_tests(tree: Path, tests: list[str], seconds: float) -> tuple[int, list[dict], str]:
    """Run tests in a copy; return pytest's exit code, how each ended, and what was printed."""
    outcomes = tree / "build" / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    # Without the bytecode of an earlier text; PYTHONPATH puts the copy before what is installed.
    ours = {
        "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "MUTANT_OUTCOMES": str(outcomes),
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    plugins = ("-p", "tests.mutants.breakages", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", *plugins, *tests]
    done = subprocess.run(
        command, cwd=tree, env={**os.environ, **ours}, capture_output=True, check=False, text=True,
        timeout=seconds,
    )  # fmt: skip
    found = json.loads(outcomes.read_text()) if outcomes.exists() else []
    return done.returncode, found, done.stdout + done.stderr


def judge(tree: Path, mutation: Mutation) -> tuple[bool, str]:
    """Return whether the mutant was caught, and how; the copy is as before afterwards."""
    path = tree / mutation.file
    text = path.read_text("utf-8")
    if text.count(mutation.before) != 1:
        return False, f"its text occurs {text.count(mutation.before)} times"
    try:
        path.write_text(text.replace(mutation.before, mutation.after), "utf-8")
        code, found, printed = run_tests(tree, [mutation.test], _LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return False, f"no end within {_LONGEST_SECONDS:g} s"
    finally:
        path.write_text(text, "utf-8")
    if any(one["asserted"] for one in found):
        return True, "caught"
    if code == 0 and all(one["outcome"] == "skipped" for one in found):
        return False, "not tried: its test was skipped"
    if code == 0:
        return False, "SURVIVED"
    broken = next((one["error"] for one in found if one["error"]), printed.strip()[-300:])
    return False, f"broke by other than an assertion: {broken}"


def main() -> int:
    """Try the mutations, print the table, return the exit code."""
    options = argparse.ArgumentParser(prog="make mutants")
    options.add_argument("--gate", action="store_true", help="the quick dozen only")
    options.add_argument("names", nargs="*", help="only these")
    asked = options.parse_args()
    chosen = [
        one for one in MUTATIONS
        if (one.gate or not asked.gate) and (not asked.names or one.name in asked.names)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(_WORKERS):
            trees.put(copy_tree(Path(scratch, str(number), "tree")))
        tree = trees.get()
        tests = sorted({one.test for one in chosen})
        code, _, printed = run_tests(tree, tests, _ALL_TESTS_SECONDS)
        trees.put(tree)
        if code != 0:
            print(f"{printed}\nthe tests must pass before anything is broken", file=sys.stderr)
            return 1

        def attempt(mutation: Mutation) -> tuple[bool, str, float]:
            tree, began = trees.get(), time.monotonic()
            try:
                return *judge(tree, mutation), time.monotonic() - began
            finally:
                trees.put(tree)

        survived = 0
        with ThreadPoolExecutor(_WORKERS) as pool:
            for mutation, (caught, how, took) in zip(
                chosen, pool.map(attempt, chosen), strict=True
            ):
                survived += not caught
                print(f"{mutation.name:38} {how:10} {took:4.0f} s  {mutation.doc}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mutants were caught")
    return 1 if survived or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())

"""The edge answers where training's libraries are not installed."""

import json
import os
import subprocess
import sys
import textwrap

# Stands before every other finder, so that these can be imported from nowhere.
BLOCKED = """
    import importlib.abc, runpy, sys

    class Absent(importlib.abc.MetaPathFinder):
        names = {"pandas", "sklearn", "onnx", "skl2onnx", "scipy", "joblib", "training", "lambdas",
                 "cloud_sync", "duckdb", "matplotlib", "boto3"}

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in self.names:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent())
    for name in Absent.names:
        assert name not in sys.modules, name
        try:
            __import__(name)
        except ModuleNotFoundError:
            continue
        raise SystemExit(f"{name} is here")
    sys.argv = ["greenlight", *sys.argv[1:]]
    runpy.run_module("edge", run_name="__main__", alter_sys=True)
"""


def test_pick_and_score_run_without_pandas_scikit_learn_and_onnx(real_bundle, tmp_path):
    bundle, keys = real_bundle
    script = tmp_path / "blocked.py"
    script.write_text(textwrap.dedent(BLOCKED))
    environment = {**os.environ, "GREENLIGHT_KEYS": str(keys)}

    def run(*arguments):
        command = [sys.executable, script, *map(str, arguments), "--bundle", bundle]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    best = json.loads(run("pick", "--everything", "--json"))["picks"][0]
    assert best["why"]
    assert "★" in run("pick", "--classic")
    source = tmp_path / "films.csv"
    slots = ",".join([*best["genres"], "None", "None"][:3])
    source.write_text(
        "title,year,Director1,Genre1,Genre2,Genre3\n"
        f'Best,{best["year"]},"{best["director"]}",{slots}\n',
        encoding="utf-8",
    )
    run("score", "--csv", source, "--out", tmp_path / "out.csv")
    expected = (tmp_path / "out.csv").read_text().splitlines()[1].split(",")[3]
    assert float(expected) == best["expected"]

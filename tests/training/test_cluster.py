"""`--dask tcp://...`: the same numbers, computed by other machines."""

import os

import joblib
import numpy as np
import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

from data.film_table import write_films
from training import cluster as cluster_module
from training.cli import app
from training.cluster import tasks_on
from training.errors import ClusterUnusable
from training.export.example_bundle import made_up_films, small_model
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as running:
        yield running


def test_folds_are_fitted_by_both_workers_and_to_the_same_bits(cluster):
    films = made_up_films(30)
    X, y = frame_of_films(films), ratings_of(films)
    here = small_model().fit(X, y)
    with tasks_on(cluster.scheduler_address):
        pids = joblib.Parallel(2)(joblib.delayed(os.getpid)() for _ in range(40))
        there = small_model().set_params(jobs=2).fit(X, y)
    workers = {worker.pid for worker in cluster.workers.values()}
    assert set(pids) == workers
    assert os.getpid() not in workers
    for name in ("unseen_expected_", "unseen_probabilities_"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


def test_every_method_predicts_the_same_there(cluster, tmp_path):
    films = made_up_films(12)
    tables = [tmp_path / name for name in ("train.csv", "test.csv")]
    for path, some in zip(tables, (films[::2], films[1::2]), strict=True):
        write_films(path, some)
    words = ["evaluate", "--train", str(tables[0]), "--test", str(tables[1])]
    said = []
    for more in ([], ["--dask", cluster.scheduler_address]):
        out, figures = (tmp_path / f"{len(said)}{suffix}" for suffix in (".csv", ".json"))
        places = ["--out", str(out), "--json", str(figures), "--jobs", "1"]
        done = CliRunner().invoke(app, [*words, *places, *more])
        assert done.exit_code == 0, done.output
        said.append((out.read_bytes(), figures.read_bytes()))
    assert said[0] == said[1]


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(cluster_module, "_TIMEOUT_SECONDS", 1)
    with (
        pytest.raises(ClusterUnusable, match="no Dask scheduler answers"),
        tasks_on("tcp://127.0.0.1:9"),
    ):
        pytest.fail("nothing may run")


def test_a_cluster_without_workers_is_named():
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(ClusterUnusable, match="has no workers; start some: dask worker tcp://"),
        tasks_on(empty.scheduler_address),
    ):
        pytest.fail("nothing may run")


def test_a_worker_with_other_versions_is_refused_by_name(cluster, monkeypatch):
    monkeypatch.setattr(cluster_module, "version", lambda name: "0")
    with (
        pytest.raises(ClusterUnusable, match=r"worker tcp://.* has \w+ .*, not 0; set it up"),
        tasks_on(cluster.scheduler_address),
    ):
        pytest.fail("nothing may run")

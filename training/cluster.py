"""Where joblib's tasks run: in local processes, or on a Dask cluster. Nothing else uses Dask.

All code that fits folds, splits and methods gives them to joblib; only this module decides where
they run. The results are identical either way: a task's numbers depend on its input alone.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import joblib

from training.errors import ClusterUnusable

_TIMEOUT_SECONDS = 10
# Other versions of these give different numbers.
_SAME = ("numpy", "scipy", "scikit-learn", "pandas", "greenlight")


def end_with_workers() -> None:
    """Make SIGTERM end this process as Ctrl-C does, so that joblib's workers end too."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


@contextmanager
def tasks_on(address: str) -> Iterator[None]:
    """Run joblib's tasks on the Dask cluster at `address` (tcp://host:port); locally if it is "".

    Raises:
        ClusterUnusable: no scheduler answers, there are no workers, or their software differs.
    """
    if not address:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterUnusable(
            "--dask needs the package distributed; install greenlight[cluster]"
        ) from error
    try:
        client: Any = Client(address, timeout=_TIMEOUT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError) as error:
        raise ClusterUnusable(
            f"{address}: no Dask scheduler answers ({error}); start one, or leave --dask out"
        ) from error
    with client:
        _check_workers(address, client)
        with joblib.parallel_config(backend="dask"):
            yield


def _check_workers(address: str, client: Any) -> None:
    """Refuse a cluster whose workers might compute something other than we would."""
    found: dict[str, dict[str, str | None]] = client.run(_versions)
    if not found:
        raise ClusterUnusable(f"{address}: has no workers; start some: dask worker {address}")
    ours = _versions()
    for worker, theirs in sorted(found.items()):
        for name in _SAME:
            if theirs[name] != ours[name]:
                raise ClusterUnusable(
                    f"{address}: worker {worker} has {name} {theirs[name]}, not {ours[name]}; "
                    "set it up from the same lock (locks/cluster.txt)"
                )


def _versions() -> dict[str, str | None]:
    return {name: version(name) for name in _SAME}

"""The tests marked `numeric`, computed the way other processors would. `make numeric`.

numpy, scipy and the C library choose their code by the processor they find, and with it the last
bits of a sum, an exp or a matrix product. Here they're made to choose differently: each kernel of
OpenBLAS that this processor can run, numpy's own vector code off, and the C library's off as well.
Before a run counts, a child process proves that the choice took effect.

`make numeric GENERIC=1` stands for the plainest processor only, without the slow tests. Arguments
go to pytest, as in `make numeric ARGS="-k evaluate"`.
Exit code: 0 if all tests passed in all runs, 1 if one failed, 2 if nothing could be varied.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# OpenBLAS's kernels by machine, the generic one first. Those that this processor can't run, and
# those that OpenBLAS answers with a kernel we have, are left out.
KERNELS = {
    "x86_64": ("Prescott", "Haswell", "Zen", "SkylakeX"),
    "aarch64": ("ARMV8", "CORTEXA57", "NEOVERSEN1"),
}
# The spelling since glibc 2.33; before that the names ended in _Usable.
WITHOUT_VARIANTS = "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4"
# All other arguments are for pytest.
GENERIC = "--generic"
VARIED = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "GLIBC_TUNABLES")

_PROBE = """
import hashlib, json, math
import numpy as np, scipy.linalg
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info
draw = np.random.default_rng(1)
table, numbers = draw.normal(size=(50, 300)), draw.normal(0, 3, 20_000)
def bits(values): return hashlib.sha256(np.asarray(values).tobytes()).hexdigest()[:8]
print(json.dumps({
    "kernels": sorted({i["architecture"] for i in threadpool_info() if i["user_api"] == "blas"}),
    "numpy_features": [name for name in __cpu_dispatch__ if __cpu_features__.get(name)],
    "product": bits(table @ table.T),
    "library": bits([f(x) for f in (math.exp, math.sin, math.tanh) for x in numbers.tolist()]),
}))
"""


class Seen(NamedTuple):
    """What a process found itself computing with.

    Attributes:
        kernels: OpenBLAS's, one name unless numpy's and scipy's copies differ.
        numpy_features: the processor's features that numpy has code for beyond its baseline.
        product, library: hashes of a matrix product's bits, and of exp, sin and tanh.
    """

    kernels: list[str]
    numpy_features: list[str]
    product: str
    library: str


class Processor(NamedTuple):
    """A processor to stand for: its name, and the variables that make it."""

    name: str
    variables: dict[str, str]


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return this process's environment with these variables, and none of those we vary."""
    ours = {name: value for name, value in os.environ.items() if name not in VARIED}
    return {**ours, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **variables}


def probe(variables: dict[str, str]) -> Seen | None:
    """Return what a process with these variables computes with; None if it can't run."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE],
        env=environment(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    # A kernel with instructions that this processor lacks ends in a signal.
    return Seen(**json.loads(done.stdout)) if done.returncode == 0 else None


def processors(native: Seen) -> Iterator[Processor]:
    """Yield every processor that this one can stand for, each proved to differ."""
    plain = {"NPY_DISABLE_CPU_FEATURES": " ".join(native.numpy_features)}
    plain = plain if native.numpy_features else {}
    known: set[str] = set()
    for kernel in KERNELS.get(platform.machine(), ()):
        variables = {"OPENBLAS_CORETYPE": kernel, **plain}
        seen = probe(variables)
        if seen is None:
            print(f"{kernel}: left out, this processor can't run it")
        elif len(seen.kernels) != 1 or seen.kernels[0] in known:
            print(f"{kernel}: left out, OpenBLAS answers with {', '.join(seen.kernels)}")
        elif seen.numpy_features:
            print(f"{kernel}: left out, numpy still uses {', '.join(seen.numpy_features)}")
        else:
            known.add(seen.kernels[0])
            name = f"{kernel} ({seen.kernels[0]}), product {seen.product}"
            yield _without_library(name, variables, seen) or Processor(name, variables)


def _without_library(name: str, variables: dict[str, str], seen: Seen) -> Processor | None:
    """Return the same processor without the C library's variants, if that changes a bit."""
    fewer = {**variables, "GLIBC_TUNABLES": WITHOUT_VARIANTS}
    changed = probe(fewer)
    if changed is None or changed.library == seen.library:
        return None
    return Processor(f"{name}, C library's variants off", fewer)


def main(arguments: Sequence[str]) -> int:
    """Run the tests once for each processor; print what ran, and how long it took."""
    native = probe({})
    assert native is not None, "numpy, scipy or threadpoolctl is missing: run make setup"
    print(f"here: {', '.join(native.kernels)}, product {native.product},", end=" ")
    print(f"numpy with {', '.join(native.numpy_features) or 'its baseline'}")
    chosen = list(processors(native))
    if len(chosen) < 2:
        print("fewer than two processors could be stood for: nothing is proved", file=sys.stderr)
        return 2
    marked, for_pytest = "numeric", list(arguments)
    if GENERIC in for_pytest:
        for_pytest.remove(GENERIC)
        chosen, marked = chosen[:1], "numeric and not slow"
    lines, failed = [], False
    for processor in chosen:
        print(f"\n==> {processor.name}", flush=True)
        began = time.monotonic()
        workers = ("-n", "2", "--dist", "loadfile", "-q")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", marked, *workers, *for_pytest],
            env=environment(processor.variables),
            check=False,
            timeout=1_800,
        )
        failed |= done.returncode != 0
        outcome = "passed" if done.returncode == 0 else f"FAILED (pytest said {done.returncode})"
        lines.append(f"{time.monotonic() - began:4.0f} s  {outcome}  {processor.name}")
    print("\n" + "\n".join(lines))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

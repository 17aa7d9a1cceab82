"""A benchmark's result: a figure, its bound, its aim, and how it was measured."""

import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        must, aim: bounds of `value`; below `must` where `lower` is better, above it otherwise.
        detail: the times behind it, in words.
    """

    key: str
    value: float
    must: float
    aim: float
    detail: str
    lower: bool = False
    unit: str = "x"

    def reaches(self, bound):
        return self.value <= bound if self.lower else self.value >= bound


def seconds_of(call, times=9):
    """Return the median seconds of a call on one thread, after one that isn't counted.

    Processor time: on an idle machine it is the wall's, and another program's turn in the middle
    of a long call cannot flatter a short one it is compared with.
    """
    call()
    taken = []
    for _ in range(times):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def shown(seconds):
    """Return a time in readable units."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"

"""Probes: combinations whose scores a freshly loaded model must give. `probes.json` of a bundle."""

from __future__ import annotations

import msgspec

from data.checks import SCHEMA_VERSION, check_schema
from data.errors import InvalidRecord
from data.films import Combination
from data.picks import Prediction


class Probe(msgspec.Struct, frozen=True):
    """One row and the prediction that the model must give.

    A director or genre that the model doesn't know is a valid probe too, so the combination isn't
    checked against the catalogue.
    """

    combination: Combination
    expected: float
    probabilities: tuple[float, ...]


class Probes(msgspec.Struct, frozen=True):
    """The probes of a bundle.

    Attributes:
        tolerance: the largest difference of a probability; `expected` must not differ at all.
        seconds: how long all of them may take in one call.
    """

    probes: tuple[Probe, ...]
    tolerance: float
    seconds: float
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if these aren't probes."""
        check_schema(prefix, self.schema_version)
        if not self.probes:
            raise InvalidRecord(
                f"{prefix}probes", "is empty; a model can't be tried without probes"
            )
        if not 0 < self.tolerance <= 1 or self.seconds <= 0:
            raise InvalidRecord(f"{prefix}tolerance", "or `seconds` isn't above zero")
        for index, probe in enumerate(self.probes):
            at = f"{prefix}probes[{index}]."
            Prediction(probe.expected, probe.probabilities).check(at)
            if not probe.combination.director:
                raise InvalidRecord(f"{at}combination.director", "is empty")

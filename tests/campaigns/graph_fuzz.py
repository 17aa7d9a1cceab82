"""Mutate models and compare the graph rule with protobuf's own parser. `make fuzz-graph`.

python tests/campaigns/graph_fuzz.py [--bundle build/bundle] [--short N] [--full N] [--seed N]

Short: every operator of the converter with tables of a few entries. Full: the bundle's model.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from graph_mutations import compare, shortened

from data.manifest import MODEL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("build/bundle"))
    parser.add_argument("--short", type=int, default=1_000_000)
    parser.add_argument("--full", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    model = _model(chosen.bundle)
    for name, content, count in (
        ("short", shortened(model), chosen.short),
        ("full", model, chosen.full),
    ):
        began = time.monotonic()
        tally = compare(content, count, chosen.seed)
        seconds = time.monotonic() - began
        print(
            f"{name} model of {len(content):,} bytes, seed {chosen.seed}: {count:,} mutations,"
            f" {tally['refused']:,} refused, {tally['passed by both']:,} passed by both,"
            f" none by the rule alone; {seconds:.0f} s",
            flush=True,
        )
    return 0


def _model(bundle: Path) -> bytes:
    if (bundle / MODEL).is_file():
        return (bundle / MODEL).read_bytes()
    from training.export.example_bundle import make_example_bundle

    with tempfile.TemporaryDirectory() as folder:
        return make_example_bundle(Path(folder) / "bundle", directors=300).model_bytes


if __name__ == "__main__":
    sys.exit(main())

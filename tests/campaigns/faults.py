"""Every fault by every command on real processes: do exit codes, light, status and doctor agree?

python -m tests.campaigns.faults [FAULT ...]

Prints a line for each fault, and under it whatever doesn't agree or was confirmed and is gone.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from data.signing import PrivateKey
from tests.edge.appliance.faults import COMMANDS, FAULTS, begin, trial
from tests.edge.process import Bench
from training.export.example_bundle import make_example_bundle


def main() -> int:
    """Try the faults named on the command line, or all; 1 if anything is wrong."""
    names = sys.argv[1:] or list(FAULTS)
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            bench = new_bench(Path(folder))
            try:
                wrong = list(trial(begin(bench), FAULTS[name], COMMANDS))
            finally:
                for running in bench.started:
                    if running.process.poll() is None:
                        running.stop(signal.SIGKILL)
        failed += bool(wrong)
        print(f"{'BAD' if wrong else 'ok '} {name}", flush=True)
        for sentence in wrong:
            print(f"      {sentence}", flush=True)
    print(f"{len(names) - failed} of {len(names)} faults: all reports agree, nothing is lost")
    return 1 if failed else 0


def new_bench(folder: Path) -> Bench:
    """Return a folder for an appliance with a small model."""
    key = PrivateKey.new()
    (folder / "keys").mkdir()
    (folder / "keys" / "ours.pub.pem").write_bytes(key.public_pem)
    make_example_bundle(folder / "bundle", version=1, key=key)
    config = folder / "greenlight.toml"
    config.write_text(
        'state = "state"\npublic_keys = "keys"\nfirst_bundle = "bundle"\npage = false\n'
        "demonstration = true\n"
    )
    return Bench(folder / "state", config, [])


if __name__ == "__main__":
    sys.exit(main())

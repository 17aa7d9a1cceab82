"""Every fault by every command on real processes: do exit codes, light, status and doctor agree?

`make faults ARGS="'disk full'"` tries one fault only.

Prints a line for each fault with what each command ended with, and under it whatever doesn't agree
or was confirmed and is gone. A full disk and one that has become read-only are loop-mounted, which
needs root; without it they are left out, and the last line says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data.bundle import write_bundle
from data.manifest import MODEL
from data.signing import PrivateKey
from tests.edge.appliance.fault_trial import COMMANDS, begin, trial
from tests.edge.appliance.faults import FAULTS, make_disk
from tests.edge.process import Bench

if TYPE_CHECKING:
    from training.export.bundle import Exported

_COLUMNS = [name for name, *_ in COMMANDS] + ["doctor", "stop"]
_OWN_MOUNTS = "GREENLIGHT_OWN_MOUNTS"


def main() -> int:
    """Try the faults named on the command line, or all; 1 if anything is wrong."""
    names = sys.argv[1:] or list(FAULTS)
    left_out = [name for name in names if FAULTS[name].own_disk and not _may_mount()]
    names = [name for name in names if name not in left_out]
    print(f"{'':26}" + "".join(f"{name:>9}" for name in _COLUMNS) + "  light; doctor names")
    failed = 0
    for name in names:
        ended, wrong = _try(name)
        failed += bool(wrong)
        codes = "".join(f"{ended.get(column, ''):>9}" for column in _COLUMNS)
        witnesses = f"{ended.get('light', '')}; {ended.get('names') or 'nothing'}"
        print(f"{'BAD' if wrong else 'ok '} {name:22}{codes}  {witnesses}", flush=True)
        for sentence in wrong:
            print(f"      {sentence}", flush=True)
    print(f"{len(names) - failed} of {len(names)} faults: all reports agree, nothing is lost")
    if left_out:
        print(f"left out, because mounting needs root: {', '.join(left_out)}")
    return 1 if failed else 0


def _may_mount() -> bool:
    return _OWN_MOUNTS in os.environ


def _try(name: str) -> tuple[dict[str, str], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = new_bench(Path(folder))
        if FAULTS[name].own_disk:
            make_disk(bench.state)
        case = None
        try:
            case = begin(bench)
            wrong = list(trial(case, FAULTS[name], COMMANDS))
        except AssertionError:
            wrong = traceback.format_exc().splitlines()[-4:]
        finally:
            for running in bench.started:
                if running.process.poll() is None:
                    running.stop(signal.SIGKILL)
            if bench.state.is_mount():
                subprocess.run(["umount", bench.state], check=True)
    return (case.ended if case is not None else {}), wrong


def new_bench(folder: Path) -> Bench:
    """Return a folder for an appliance with a small model and a page."""
    # Large: not loaded by the process that only makes room for mounts.
    from training.export.example_bundle import make_example_bundle

    key = PrivateKey.new()
    (folder / "keys").mkdir()
    (folder / "keys" / "ours.pub.pem").write_bytes(key.public_pem)
    exported = make_example_bundle(folder / "bundle", version=1, key=key)
    _write_other_opset(folder / "other-opset", exported, key)
    config = folder / "greenlight.toml"
    config.write_text(
        'state = "state"\npublic_keys = "keys"\nfirst_bundle = "bundle"\npage_port = 0\n'
        "demonstration = true\n"
    )
    return Bench(folder / "state", config, [])


def _write_other_opset(folder: Path, exported: Exported, key: PrivateKey) -> None:
    """Write a newer bundle whose model was exported for other software."""
    import onnx

    model = onnx.load_model_from_string(exported.model_bytes)
    model.opset_import[0].version = 17
    files = {**exported.files, MODEL: model.SerializeToString()}
    write_bundle(folder, msgspec.structs.replace(exported.manifest, version=2), files, key)


if __name__ == "__main__":
    if os.geteuid() == 0 and not _may_mount():
        # What is mounted here goes with this process, however it ends.
        command = ["unshare", "--mount", sys.executable, "-m", "tests.campaigns.faults"]
        own = {**os.environ, _OWN_MOUNTS: "1"}
        sys.exit(subprocess.run([*command, *sys.argv[1:]], env=own, check=False).returncode)
    sys.exit(main())

"""Keeps libraries from reporting what the owner does."""

from __future__ import annotations

import os


def forbid_telemetry() -> None:
    """Keep ONNX Runtime from reporting to its makers; call it before the first import of it.

    Since 1.29 its Linux builds record every session (the graph's names and hashes, the machine, a
    lasting device identifier) in a database below the home folder and send it to Microsoft. Source:
    Privacy.md in the onnxruntime package, "Disabling Telemetry".
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"

"""Keeps libraries from reporting what the owner does."""

from __future__ import annotations

import os


def forbid_telemetry() -> None:
    """Turn ONNX Runtime's telemetry off; call this before importing it for the first time.

    Since 1.29 its Linux builds record every session (the graph's names and hashes, the machine, a
    lasting device identifier) in a database below the home folder and send it to Microsoft. Source:
    Privacy.md in the onnxruntime package, "Disabling Telemetry".
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"

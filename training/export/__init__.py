"""From a fitted model to a signed bundle that a device accepts.

`prepare` fits, compiles to integer tables, converts to ONNX and refuses models that differ;
`write` signs and writes the bundle, with its arrays next to it.
"""

from training.export.bundle import Exported, prepare, write

__all__ = ["Exported", "prepare", "write"]

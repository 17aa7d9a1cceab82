"""From a fitted model to a signed bundle that a device accepts.

`prepare` fits, compiles to integer tables, converts to ONNX and refuses models that differ;
`write` signs and writes the bundle, with the pipeline next to it for `load_pipeline`.
"""

from training.export.bundle import Exported, load_pipeline, prepare, write

__all__ = ["Exported", "load_pipeline", "prepare", "write"]

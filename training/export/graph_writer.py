"""A small writer of ONNX nodes, so that the converter's code reads like the mathematics.

Names are numbered in the order of writing, so the same model gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

# The opsets of the graph; every ONNX Runtime since 1.14 reads them.
OPSET = 18
ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 3
MIN_ONNXRUNTIME = "1.20"


class GraphWriter:
    """Writes nodes and constants into skl2onnx's container."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def constant(
        self, name: str, values: NDArray[Any] | np.generic | float, dtype: Any = None
    ) -> str:
        """Write a constant once and return its name."""
        array = np.ascontiguousarray(values, dtype=dtype)
        shape = np.shape(values)
        unique = self._scope.get_unique_variable_name(name)
        tensor = numpy_helper.from_array(array.reshape(shape), unique)
        self._container.add_initializer(unique, tensor.data_type, list(shape), tensor)
        return str(unique)

    def integer(self, name: str, values: Sequence[int] | int) -> str:
        """Write a constant of 64-bit integers."""
        return self.constant(name, np.array(values, np.int64))

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Write a node and return the name of its one output."""
        output = self._scope.get_unique_variable_name(name)
        self.write(operator, inputs, output, **attributes)
        return str(output)

    def write(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Write a node whose output has a given name."""
        domain = attributes.pop("domain", "")
        self._container.add_node(
            operator,
            list(inputs),
            [output],
            op_domain=domain,
            op_version=ML_OPSET if domain == ML_DOMAIN else OPSET,
            name=self._scope.get_unique_operator_name(operator),
            **attributes,
        )

    def encode(self, text: str, names: Sequence[str], name: str) -> str:
        """Write the number of each text among `names`; `len(names)` for any other."""
        return self.node(
            "LabelEncoder",
            [text],
            name,
            domain=ML_DOMAIN,
            keys_strings=list(names),
            values_int64s=list(range(len(names))),
            default_int64=len(names),
        )

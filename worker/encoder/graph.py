"""A small builder of ONNX graphs over a model's weights: nodes, constants, layers.

Each method adds to the graph and returns the name of the value that it computes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Weights: TypeAlias = Mapping[str, npt.NDArray[np.float32]]

#: The domain of ONNX Runtime's own fused operators.
FUSED = "com.microsoft"
_OPSET, _IR_VERSION = 18, 10


class Graph:
    """A graph under construction."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        return self.nodes(operator, *inputs, outputs=1, **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs."""
        names = [f"{operator}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def constant(self, value: npt.ArrayLike) -> str:
        """Add a constant; floats are kept as float32, integers as int64."""
        array = np.asarray(value)
        if array.dtype.kind in "fi" and array.dtype.itemsize > 1:
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def reshape(self, value: str, *shape: int) -> str:
        """Give a value another shape; one dimension may be -1."""
        return self.node("Reshape", value, self.constant(shape))

    def linear(self, value: str, names: Sequence[str]) -> str:
        """Multiply (rows, in) by the layers of these names side by side, and add their biases."""
        weight = np.concatenate([self.weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([self.weights[f"{name}.bias"] for name in names])
        return self.dense(value, weight, bias)

    def dense(self, value: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> str:
        """Compute a linear layer; a numeric mode overrides it."""
        return self.multiply(value, weight, bias)

    def multiply(self, value: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> str:
        """Compute `value @ weight.T + bias` in float32; `weight` has shape (out, in) as torch keeps it."""
        return self.node("Gemm", value, self.constant(weight.T), self.constant(bias))

    def layer_norm(self, value: str, name: str, *, epsilon: float) -> str:
        """Normalise each row, then scale and shift it."""
        scale, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self.node(
            "LayerNormalization", value, self.constant(scale), self.constant(shift), axis=-1, epsilon=epsilon
        )

    def model(self, inputs: Sequence[ValueInfoProto], *, output: str, width: int) -> ModelProto:
        """Return the finished model; its one output is named `embeddings`."""
        self._nodes.append(helper.make_node("Identity", [output], ["embeddings"]))
        result = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["items", width])
        graph = helper.make_graph(self._nodes, "clip", inputs, [result], self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

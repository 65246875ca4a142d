"""Builds OpenVINO graphs from a model's weights, with methods for constants, reshapes and layers.

Each method adds nodes to the graph and returns the last node, whose output is the computed value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from openvino import Model, Node
from openvino import opset13 as op


class Graph:
    """An OpenVINO graph under construction."""

    def __init__(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.weights = weights

    def constant(self, value: npt.ArrayLike) -> Node:
        """Add a constant; floats become float32 and integers become int64, but int8 stays int8."""
        array = np.asarray(value)
        if array.dtype.kind in "fi" and array.dtype.itemsize > 1:
            array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        return op.constant(np.asarray(array, order="C"))

    def reshape(self, value: Node, *shape: int) -> Node:
        """Reshape a value; one dimension can be -1 (inferred), and 0 keeps the input's dimension."""
        return op.reshape(value, self.constant(shape), special_zero=True)

    def gather(self, value: Node, indices: Node, *, axis: int = 0) -> Node:
        """Return the slices of a value at the given indices along an axis."""
        return op.gather(value, indices, self.constant(axis))

    def linear(self, value: Node, names: Sequence[str]) -> Node:
        """Apply several linear layers to (rows, in) and concatenate their outputs."""
        weight = np.concatenate([self.weights[f"{name}.weight"] for name in names])
        bias = np.concatenate([self.weights[f"{name}.bias"] for name in names])
        return self.dense(value, weight, bias)

    def dense(self, value: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Node:
        """Compute a linear layer; a subclass for a numeric mode, such as int8, overrides this method."""
        return self.multiply(value, weight, bias)

    def multiply(self, value: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Node:
        """Compute `value @ weight.T + bias`; `weight` has shape (out, in) as in torch."""
        return op.add(self.project(value, self.constant(weight)), self.constant(bias.reshape(1, -1)))

    def project(self, value: Node, weight: Node) -> Node:
        """Compute `value @ weight.T`."""
        return op.matmul(value, weight, transpose_a=False, transpose_b=True)

    def layer_norm(self, value: Node, name: str, *, epsilon: float) -> Node:
        """Normalise each row, then scale and shift it."""
        scale, shift = (self.weights[f"{name}.{part}"] for part in ("weight", "bias"))
        normal = op.mvn(
            value, self.constant([-1]), normalize_variance=True, eps=epsilon, eps_mode="INSIDE_SQRT"
        )
        return op.add(op.multiply(normal, self.constant(scale)), self.constant(shift))

    def model(self, inputs: Sequence[Node], *, output: Node) -> Model:
        """Return the finished model with a single output."""
        return Model([op.result(output)], list(inputs), "clip")

"""The int8 mode of the exported graphs: linear layers in 8 bits.

Weights are stored as int8 with one scale per output. Activations are quantised dynamically, with one scale
per 128 values of a row: an outlier reduces only the precision of its 128 values, and an item's vector does
not depend on the other items of a batch. Embedding tables, the patch embedding, normalisation and the
projections are not quantised.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from openvino import Node, Type
from openvino import opset13 as op

from worker.encoder.openvino.graph_builder import Graph

#: The number of activations of a row that share a scale; OpenVINO requires a power of two.
ACTIVATIONS_PER_SCALE = 128
_LARGEST = 127


class Int8Graph(Graph):
    """A graph whose linear layers multiply in int8."""

    def dense(self, value: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Node:
        quantized, scales = quantize(weight)
        # OpenVINO recognizes this pattern of nodes, keeps the int8 constant and multiplies in int8.
        restored = op.multiply(op.convert(self.constant(quantized), Type.f32), self.constant(scales))
        return op.add(self.project(value, restored), self.constant(bias.reshape(1, -1)))


def quantize(weight: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return a weight (out, in) as int8 multiples of each row's scale, and the scales of shape (out, 1)."""
    largest = np.abs(weight).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest, 1) / _LARGEST
    return np.round(weight / scales).astype(np.int8), scales.astype(np.float32)

"""The int8 mode of the exported graphs, in which linear layers multiply 8-bit integers.

Weights are stored as int8 with one scale per output. Activations are quantised dynamically, with one scale
per 128 values of a row. An outlier therefore reduces the precision of only 128 values, and an item's vector
does not depend on the other items of its batch. Embedding tables, the patch embedding, normalisation and the
projections are not quantised.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from openvino import Node, Type
from openvino import opset13 as op

from worker.encoder.openvino.graph_builder import Graph

#: The number of activations in a row that share one scale; OpenVINO requires a power of two.
ACTIVATIONS_PER_SCALE = 128
_LARGEST = 127


class Int8Graph(Graph):
    """A graph whose linear layers multiply in int8."""

    def dense(self, value: Node, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Node:
        quantized, scales = quantize(weight)
        # OpenVINO recognizes this pattern of nodes, so it keeps the constant in int8 and multiplies in int8.
        restored = op.multiply(op.convert(self.constant(quantized), Type.f32), self.constant(scales))
        return op.add(self.project(value, restored), self.constant(bias.reshape(1, -1)))


def quantize(weight: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Quantise a weight (out, in) to int8 with one scale per row; return values and scales (out, 1)."""
    largest = np.abs(weight).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest, 1) / _LARGEST
    return np.round(weight / scales).astype(np.int8), scales.astype(np.float32)

"""The int8 mode of the exported graphs: linear layers in 8 bits, block by block.

Weights are stored, and activations multiplied, as int8 with one scale per 64 values of a row, so that
an outlier coarsens its own block alone and an item's vector does not depend on its batch (one scale
per tensor is twice as fast on large batches, and does neither). Embedding tables, the patch
embedding, normalisation and the projections stay in float32.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.errors import ModelUnavailable
from worker.encoder.graph import FUSED, Graph

_BLOCK = 64
_BITS = 8
#: ONNX Runtime's name for "multiply in int8".
_ACCURACY_INT8 = 4
_ZERO_POINT = 1 << (_BITS - 1)
_LARGEST = _ZERO_POINT - 1


class Int8Graph(Graph):
    """A graph whose linear layers multiply in int8."""

    def dense(self, value: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> str:
        quantized, scales = quantize(weight)
        rows, columns = weight.shape
        inputs = (
            value,
            self.constant(quantized),
            self.constant(scales.reshape(-1)),
            "",
            "",
            self.constant(bias),
        )
        return self.node(
            "MatMulNBits",
            *inputs,
            domain=FUSED,
            K=columns,
            N=rows,
            bits=_BITS,
            block_size=_BLOCK,
            accuracy_level=_ACCURACY_INT8,
        )


def quantize(weight: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return the weight's blocks, shape (out, blocks, 64), offset by 128, and their scales (out, blocks).

    Raises:
        ModelUnavailable: the layer's width is no multiple of the block.
    """
    rows, columns = weight.shape
    if columns % _BLOCK:
        raise ModelUnavailable(f"ENCODER_INT8 needs layers of a multiple of {_BLOCK}, and one has {columns}")
    blocks = weight.reshape(rows, columns // _BLOCK, _BLOCK)
    largest = np.abs(blocks).max(axis=2, keepdims=True)
    scales = np.where(largest > 0, largest, 1) / _LARGEST
    quantized = (np.round(blocks / scales) + _ZERO_POINT).astype(np.uint8)
    return quantized, scales[..., 0].astype(np.float32)

"""CLIP's two towers in torch, written to launch few kernels and to be captured in a CUDA graph.

Texts need no attention mask: attention is causal and the embedding is taken at the end token, so padding
after the end token has no effect. One matrix product computes query, key and value. After the attention of
the last block, only the row of each item that becomes its embedding is computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import TextConfig, VisionConfig, Weights
from worker.encoder.preprocessing import Preprocessing

Array: TypeAlias = npt.NDArray[Any]
Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
#: Copies an array to the device, in the precision of the computation.
Place: TypeAlias = Callable[[Array], torch.Tensor]

#: Maps names in `config.json` to an activation `f` and a factor `b`; the tower computes f(b x) / b.
#: With b = 1.702, SiLU is CLIP's quick GELU, x sigmoid(1.702 x), and takes one kernel instead of three.
_ACTIVATIONS: Mapping[str, tuple[Activation, float]] = {
    "quick_gelu": (functional.silu, 1.702),
    "gelu": (functional.gelu, 1.0),
}
#: This value, which is about the mean pixel, is subtracted from each pixel. The differences are integers from
#: -128 to 127, which bfloat16 represents exactly.
_PIXEL_SHIFT = 128


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return functional.linear(rows, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: torch.Tensor
    bias: torch.Tensor
    epsilon: float

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Block:
    """One pre-norm transformer block; rows have the shape (items, tokens, width)."""

    heads: int
    norm1: _Norm
    query_key_value: _Linear
    attention_output: _Linear
    norm2: _Norm
    expand: _Linear
    activation: Activation
    contract: _Linear

    def attend(self, rows: torch.Tensor, *, causal: bool) -> torch.Tensor:
        """Return the output of the attention heads, before its projection."""
        items, tokens, width = rows.shape
        packed = self.query_key_value(self.norm1(rows)).view(items, tokens, 3, self.heads, -1)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind()
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return attended.transpose(1, 2).reshape(items, tokens, width)

    def finish(self, rows: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """Add the projected attention and the feed-forward layer to the rows."""
        rows = rows + self.attention_output(attended)
        return rows + self.contract(self.activation(self.expand(self.norm2(rows))))


class _Tower:
    """The blocks, the last norm and the projection of one tower."""

    def __init__(
        self,
        weights: Weights,
        config: TextConfig | VisionConfig,
        *,
        prefix: str,
        last_norm: str,
        place: Place,
    ) -> None:
        if config.hidden_act not in _ACTIVATIONS:
            raise ModelUnavailable(
                f"the activation {config.hidden_act} is not supported; CLIP uses quick_gelu"
            )
        self._weights, self._config, self._place = weights, config, place
        self._blocks = [self._block(f"{prefix}.encoder.layers.{n}") for n in range(config.num_hidden_layers)]
        self._last_norm = self.norm(f"{prefix}.{last_norm}")
        projection = "text_projection" if prefix == "text_model" else "visual_projection"
        self._projection = place(weights[f"{projection}.weight"])

    def embeddings(
        self, rows: torch.Tensor, pooled: Callable[[torch.Tensor], torch.Tensor], *, causal: bool
    ) -> torch.Tensor:
        """Return float32 unit vectors of shape (items, 512); `pooled` selects one row of each item."""
        last = len(self._blocks) - 1
        for number, block in enumerate(self._blocks):
            attended = block.attend(rows, causal=causal)
            if number == last:
                rows, attended = pooled(rows), pooled(attended)
            rows = block.finish(rows, attended)
        projected = functional.linear(self._last_norm(rows), self._projection)
        return functional.normalize(projected.float(), dim=-1)

    def norm(self, name: str) -> _Norm:
        weight, bias = (self._place(self._weights[f"{name}.{kind}"]) for kind in ("weight", "bias"))
        return _Norm(weight, bias, self._config.layer_norm_eps)

    def _block(self, layer: str) -> _Block:
        activation, factor = _ACTIVATIONS[self._config.hidden_act]
        fc2 = f"{layer}.mlp.fc2"
        return _Block(
            heads=self._config.num_attention_heads,
            norm1=self.norm(f"{layer}.layer_norm1"),
            query_key_value=self._linear(*(f"{layer}.self_attn.{part}_proj" for part in "qkv")),
            attention_output=self._linear(f"{layer}.self_attn.out_proj"),
            norm2=self.norm(f"{layer}.layer_norm2"),
            expand=self._linear(f"{layer}.mlp.fc1", factor=factor),
            activation=activation,
            contract=_Linear(
                self._place(self._weights[f"{fc2}.weight"] / np.float32(factor)),
                self._place(self._weights[f"{fc2}.bias"]),
            ),
        )

    def _linear(self, *names: str, factor: float = 1.0) -> _Linear:
        """Return one layer that concatenates the outputs of several layers, multiplied by a factor."""
        weight, bias = (
            np.concatenate([self._weights[f"{name}.{kind}"] for name in names]) * np.float32(factor)
            for kind in ("weight", "bias")
        )
        return _Linear(self._place(weight), self._place(bias))


class ImageTower:
    """Embeds uint8 pixels of shape (items, size, size, 3)."""

    def __init__(
        self, weights: Weights, config: VisionConfig, preprocessing: Preprocessing, *, place: Place
    ) -> None:
        if config.image_size != preprocessing.size_px:
            raise ModelUnavailable(
                f"the model takes {config.image_size} pixels, its preprocessing makes {preprocessing.size_px}"
            )
        self._patch_px = config.patch_size
        self._tower = _Tower(weights, config, prefix="vision_model", last_norm="post_layernorm", place=place)
        # The misspelt name ("layrnorm") is the layer's name in every checkpoint.
        self._first_norm = self._tower.norm("vision_model.pre_layrnorm")
        kernel, bias = _patch_embedding(weights, config, preprocessing)
        positions = weights["vision_model.embeddings.position_embedding.weight"]
        class_token = weights["vision_model.embeddings.class_embedding"] + positions[0]
        self._kernel = place(kernel)
        self._class_token = place(class_token.reshape(1, 1, -1))
        self._positions = place(positions[1:] + bias.astype(np.float32))

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return float32 unit vectors of shape (items, 512)."""
        patches = functional.linear(self._patches(pixels), self._kernel) + self._positions
        rows = torch.cat([self._class_token.expand(len(pixels), -1, -1), patches], dim=1)
        return self._tower.embeddings(self._first_norm(rows), lambda each: each[:, 0], causal=False)

    def _patches(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the shifted pixels of each patch, of shape (items, patches, values per patch)."""
        patch = self._patch_px
        side = pixels.shape[1] // patch
        used = pixels[:, : side * patch, : side * patch]
        by_patch = used.reshape(len(pixels), side, patch, side, patch, 3).transpose(2, 3)
        values = by_patch.to(self._kernel.dtype, memory_format=torch.contiguous_format)
        return values.sub_(_PIXEL_SHIFT).view(len(pixels), side * side, -1)


class TextTower:
    """Embeds the rows that `text_rows` makes."""

    def __init__(self, weights: Weights, config: TextConfig, *, place: Place) -> None:
        self._tower = _Tower(weights, config, prefix="text_model", last_norm="final_layer_norm", place=place)
        table = "text_model.embeddings.{}_embedding.weight"
        self._tokens = place(weights[table.format("token")])
        self._positions = place(weights[table.format("position")])

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return float32 unit vectors of shape (items, 512)."""
        ends, ids = inputs[:, 0], inputs[:, 1:]
        rows = functional.embedding(ids, self._tokens) + self._positions[: ids.shape[1]]
        return self._tower.embeddings(
            rows, lambda each: each.flatten(0, 1).index_select(0, ends), causal=True
        )


def _patch_embedding(
    weights: Weights, config: VisionConfig, preprocessing: Preprocessing
) -> tuple[Array, Array]:
    """Return the patch embedding as a matrix and a bias, which apply to shifted pixels.

    The convolution is one matrix product, because its patches do not overlap. Its weights and bias include
    the normalisation `(p / 255 - mean) / std` of a pixel `p`: a weight `w` becomes `w / (255 std)`, and the
    bias is the sum of all `w (shift / 255 - mean) / std`.
    """
    kernel = weights["vision_model.embeddings.patch_embedding.weight"].astype(np.float64)
    mean, std = (np.array(v)[:, None, None] for v in (preprocessing.mean, preprocessing.std))
    matrix = (kernel / (255 * std)).transpose(0, 2, 3, 1).reshape(config.hidden_size, -1)
    bias = (kernel * ((_PIXEL_SHIFT / 255 - mean) / std)).sum(axis=(1, 2, 3))
    return matrix, bias

"""A NumPy implementation of CLIP's two towers, used to check the output of exported graphs."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from worker.encoder.checkpoint import Checkpoint, TextConfig, VisionConfig
from worker.encoder.preprocessing import Preprocessing
from worker.encoder.protocol import Embeddings, Pixels

Array = npt.NDArray[np.float32]

_erf: Callable[[Array], Array] = np.vectorize(math.erf, otypes=[np.float32])


def _quick_gelu(x: Array) -> Array:
    result: Array = x / (1 + np.exp(np.float32(-1.702) * x))
    return result


def _gelu(x: Array) -> Array:
    result: Array = x * (1 + _erf(x / np.float32(math.sqrt(2)))) / np.float32(2)
    return result


_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {"quick_gelu": _quick_gelu, "gelu": _gelu}


class ReferenceEncoder:
    """A NumPy encoder that embeds one item at a time, with a checkpoint's weights."""

    def __init__(self, checkpoint: Checkpoint, preprocessing: Preprocessing) -> None:
        self._weights = checkpoint.weights
        self._text, self._vision = checkpoint.config.text, checkpoint.config.vision
        self._preprocessing = preprocessing

    def encode_images(self, pixels: Pixels) -> Embeddings:
        """Return unit vectors of images of shape (items, size, size, 3)."""
        return _unit([self._image(image) for image in pixels])

    def encode_tokens(self, sequences: Sequence[Sequence[int]]) -> Embeddings:
        """Return unit vectors of token sequences, each of which ends with the end token."""
        return _unit([self._tokens(sequence) for sequence in sequences])

    def _image(self, pixels: Pixels) -> Array:
        config, weights, side = (
            self._vision,
            self._weights,
            self._vision.image_size // self._vision.patch_size,
        )
        mean, std = (np.array(v, np.float32) for v in (self._preprocessing.mean, self._preprocessing.std))
        scaled = (pixels.astype(np.float32) / 255 - mean) / std
        grid = scaled.reshape(side, config.patch_size, side, config.patch_size, 3)
        # The transpose orders the axes as (row, column, channel, y, x), so that a patch's values are in the
        # same order as the kernel's.
        patches = grid.transpose(0, 2, 4, 1, 3).reshape(side * side, -1)
        kernel = weights["vision_model.embeddings.patch_embedding.weight"]
        class_token = weights["vision_model.embeddings.class_embedding"][None]
        states = np.concatenate([class_token, patches @ kernel.reshape(config.hidden_size, -1).T])
        states = states + weights["vision_model.embeddings.position_embedding.weight"]
        states = self._norm(states, "vision_model.pre_layrnorm", config)
        states = self._blocks(states, "vision_model", config, mask=np.float32(0))
        pooled = self._norm(states[:1], "vision_model.post_layernorm", config)
        projected: Array = (pooled @ weights["visual_projection.weight"].T)[0]
        return projected

    def _tokens(self, ids: Sequence[int]) -> Array:
        config, weights = self._text, self._weights
        positions = weights["text_model.embeddings.position_embedding.weight"][: len(ids)]
        states = weights["text_model.embeddings.token_embedding.weight"][list(ids)] + positions
        causal = np.triu(np.full((len(ids), len(ids)), -np.inf, np.float32), k=1)
        states = self._blocks(states, "text_model", config, mask=causal)
        pooled = self._norm(states[-1:], "text_model.final_layer_norm", config)
        projected: Array = (pooled @ weights["text_projection.weight"].T)[0]
        return projected

    def _blocks(
        self, states: Array, prefix: str, config: TextConfig | VisionConfig, *, mask: Array | np.float32
    ) -> Array:
        activation = _ACTIVATIONS[config.hidden_act]
        for number in range(config.num_hidden_layers):
            layer = f"{prefix}.encoder.layers.{number}"
            normed = self._norm(states, f"{layer}.layer_norm1", config)
            states = states + self._attention(normed, f"{layer}.self_attn", config, mask=mask)
            normed = self._norm(states, f"{layer}.layer_norm2", config)
            hidden = activation(self._linear(normed, f"{layer}.mlp.fc1"))
            states = states + self._linear(hidden, f"{layer}.mlp.fc2")
        return states

    def _attention(
        self, states: Array, name: str, config: TextConfig | VisionConfig, *, mask: Array | np.float32
    ) -> Array:
        heads, width = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        query, key, value = (
            self._linear(states, f"{name}.{part}_proj").reshape(-1, heads, width).transpose(1, 0, 2)
            for part in ("q", "k", "v")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(width)) + mask
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        attended = shares / shares.sum(axis=-1, keepdims=True) @ value
        return self._linear(attended.transpose(1, 0, 2).reshape(-1, heads * width), f"{name}.out_proj")

    def _linear(self, states: Array, name: str) -> Array:
        result: Array = states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, states: Array, name: str, config: TextConfig | VisionConfig) -> Array:
        centred = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(
            (centred * centred).mean(axis=-1, keepdims=True) + np.float32(config.layer_norm_eps)
        )
        result: Array = centred / deviation * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result


def _unit(vectors: Sequence[Array]) -> Embeddings:
    stacked = np.stack(vectors)
    unit: Embeddings = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return unit

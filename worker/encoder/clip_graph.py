"""CLIP's two towers as ONNX graphs, built straight from the checkpoint's weights.

Built by hand rather than traced, because that is where the speed comes from: normalisation of
pixels is folded into the patch embedding, no text is padded, query, key and value are one matrix,
and the last block works for the one token per item whose state becomes the embedding.

    image   pixels uint8 (items, size, size, 3)
    text    ids, positions, to_flat (tokens,) · to_padded (items, longest) · ends (items,)   int64
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from onnx import ModelProto, TensorProto, helper

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import ModelUnavailable
from worker.encoder.graph import FUSED, Graph
from worker.encoder.preprocessing import Preprocessing

#: Operator and attributes of each activation that CLIP checkpoints use.
_ACTIVATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "quick_gelu": ("QuickGelu", {"alpha": 1.702}),
    "gelu": ("Gelu", {}),
}


class Layout(Protocol):
    """How rows, the flat (tokens, width) of the linear layers, stand to the items they belong to."""

    def to_items(self, graph: Graph, rows: str, *, width: int) -> str:
        """Lay rows out as (items, tokens, width), as attention needs them."""
        ...

    def to_rows(self, graph: Graph, items: str, *, width: int) -> str:
        """Undo `to_items`."""
        ...

    def pooled(self, graph: Graph, rows: str, *, width: int) -> str:
        """Pick the one row per item whose state becomes the embedding."""
        ...


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """Every image has the same number of tokens; the first is the class token."""

    tokens: int

    def to_items(self, graph: Graph, rows: str, *, width: int) -> str:
        return graph.reshape(rows, -1, self.tokens, width)

    def to_rows(self, graph: Graph, items: str, *, width: int) -> str:
        return graph.reshape(items, -1, width)

    def pooled(self, graph: Graph, rows: str, *, width: int) -> str:
        items = self.to_items(graph, rows, width=width)
        return graph.node("Gather", items, graph.constant(0), axis=1)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """Texts lie end to end; the graph's inputs say where each token goes."""

    def to_items(self, graph: Graph, rows: str, *, width: int) -> str:  # noqa: ARG002 - kept by the indices
        return graph.node("Gather", rows, "to_padded")

    def to_rows(self, graph: Graph, items: str, *, width: int) -> str:
        return graph.node("Gather", graph.reshape(items, -1, width), "to_flat")

    def pooled(self, graph: Graph, rows: str, *, width: int) -> str:  # noqa: ARG002 - one row is one token
        return graph.node("Gather", rows, "ends")


class Tower:
    """One of the two transformers: a stack of pre-norm blocks over a graph's weights."""

    def __init__(self, graph: Graph, config: Mapping[str, Any], *, prefix: str, layout: Layout) -> None:
        if config["hidden_act"] not in _ACTIVATIONS:
            raise ModelUnavailable(
                f"the activation {config['hidden_act']} is not supported; CLIP uses quick_gelu"
            )
        self._graph, self._layout, self._prefix = graph, layout, prefix
        self._activation = _ACTIVATIONS[config["hidden_act"]]
        self._heads = config["num_attention_heads"]
        self._layers = config["num_hidden_layers"]
        self._epsilon = config["layer_norm_eps"]
        self.width = config["hidden_size"]

    def blocks(self, rows: str, *, causal: bool) -> str:
        """Run every block; the last continues with the pooled row of each item alone."""
        for number in range(self._layers):
            layer = f"{self._prefix}.encoder.layers.{number}"
            attended = self._attention(self._norm(rows, f"{layer}.layer_norm1"), layer, causal=causal)
            if number == self._layers - 1:
                rows = self._layout.pooled(self._graph, rows, width=self.width)
                attended = self._layout.pooled(self._graph, attended, width=self.width)
            rows = self._graph.node(
                "Add", rows, self._graph.linear(attended, [f"{layer}.self_attn.out_proj"])
            )
            rows = self._graph.node("Add", rows, self._feed_forward(rows, layer))
        return rows

    def embeddings(self, rows: str, *, norm: str, projection: str) -> str:
        """Normalise the pooled rows, project them to the shared space, and make them of unit length."""
        weight = self._graph.weights[f"{projection}.weight"]
        projected = self._graph.node("MatMul", self._norm(rows, norm), self._graph.constant(weight.T))
        return self._graph.node("LpNormalization", projected, axis=-1, p=2)

    def _norm(self, rows: str, name: str) -> str:
        return self._graph.layer_norm(rows, name, epsilon=self._epsilon)

    def _attention(self, rows: str, layer: str, *, causal: bool) -> str:
        packed = self._graph.linear(rows, [f"{layer}.self_attn.{part}_proj" for part in "qkv"])
        items = self._layout.to_items(self._graph, packed, width=3 * self.width)
        parts = self._graph.nodes("Split", items, outputs=3, axis=-1, num_outputs=3)
        attended = self._graph.node(
            "MultiHeadAttention", *parts, domain=FUSED, num_heads=self._heads, unidirectional=int(causal)
        )
        return self._layout.to_rows(self._graph, attended, width=self.width)

    def _feed_forward(self, rows: str, layer: str) -> str:
        operator, attributes = self._activation
        hidden = self._graph.linear(self._norm(rows, f"{layer}.layer_norm2"), [f"{layer}.mlp.fc1"])
        active = self._graph.node(operator, hidden, domain=FUSED, **attributes)
        return self._graph.linear(active, [f"{layer}.mlp.fc2"])


def text_model(graph: Graph, config: Mapping[str, Any]) -> ModelProto:
    """Return the text tower; its inputs are the fields of `PackedTexts`."""
    tower = Tower(graph, config, prefix="text_model", layout=TextLayout())
    table = "text_model.embeddings.{}_embedding.weight"
    tokens = graph.node("Gather", graph.constant(graph.weights[table.format("token")]), "ids")
    places = graph.node("Gather", graph.constant(graph.weights[table.format("position")]), "positions")
    rows = tower.blocks(graph.node("Add", tokens, places), causal=True)
    output = tower.embeddings(rows, norm="text_model.final_layer_norm", projection="text_projection")
    shapes = {
        "ids": ["tokens"],
        "positions": ["tokens"],
        "to_padded": ["items", "longest"],
        "to_flat": ["tokens"],
        "ends": ["items"],
    }
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in shapes.items()]
    return graph.model(inputs, output=output, width=EMBEDDING_DIMENSION)


def image_model(graph: Graph, config: Mapping[str, Any], preprocessing: Preprocessing) -> ModelProto:
    """Return the image tower; it takes the decoder's bytes as they are."""
    size = config["image_size"]
    if size != preprocessing.size_px:
        raise ModelUnavailable(
            f"the model takes {size} pixels, its preprocessing makes {preprocessing.size_px}"
        )
    patches_per_side = size // config["patch_size"]
    tower = Tower(
        graph,
        config,
        prefix="vision_model",
        layout=ImageLayout(tokens=patches_per_side * patches_per_side + 1),
    )
    rows = _patch_rows(graph, tower.width, patches_per_side, config["patch_size"], preprocessing)
    # the name is misspelt in every checkpoint
    rows = graph.layer_norm(rows, "vision_model.pre_layrnorm", epsilon=config["layer_norm_eps"])
    rows = tower.blocks(rows, causal=False)
    output = tower.embeddings(rows, norm="vision_model.post_layernorm", projection="visual_projection")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["items", size, size, 3])
    return graph.model([pixels], output=output, width=EMBEDDING_DIMENSION)


def _patch_rows(graph: Graph, width: int, side: int, patch_px: int, preprocessing: Preprocessing) -> str:
    """Return class token and patches with their positions, shape (items x tokens, width).

    The patch convolution does not overlap, so it is one matrix product. `(pixel / 255 - mean) / std`
    goes into its weights and bias: `w (p / 255 - m) / s = (w / 255 s) p - w m / s`.
    """
    kernel = graph.weights["vision_model.embeddings.patch_embedding.weight"].astype(np.float64)
    mean, std = (np.array(v)[:, None, None] for v in (preprocessing.mean, preprocessing.std))
    weight = (kernel / (255 * std)).transpose(0, 2, 3, 1).reshape(width, -1)
    bias = -(kernel * (mean / std)).sum(axis=(1, 2, 3))
    grid = graph.reshape("pixels", -1, side, patch_px, side, patch_px * 3)
    by_patch = graph.node("Transpose", grid, perm=[0, 1, 3, 2, 4])
    flat = graph.node("Cast", graph.reshape(by_patch, -1, patch_px * patch_px * 3), to=TensorProto.FLOAT)
    patches = graph.reshape(graph.multiply(flat, weight, bias), -1, side * side, width)
    return graph.reshape(_with_class_token(graph, patches, width), -1, width)


def _with_class_token(graph: Graph, patches: str, width: int) -> str:
    positions = graph.weights["vision_model.embeddings.position_embedding.weight"]
    class_token = graph.weights["vision_model.embeddings.class_embedding"] + positions[0]
    items = graph.node("Shape", patches, start=0, end=1)
    shape = graph.node("Concat", items, graph.constant([1, width]), axis=0)
    first = graph.node("Expand", graph.constant(class_token.reshape(1, 1, width)), shape)
    placed = graph.node("Add", patches, graph.constant(positions[1:]))
    return graph.node("Concat", first, placed, axis=1)

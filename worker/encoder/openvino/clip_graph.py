"""Builds CLIP's two towers as OpenVINO graphs, directly from the checkpoint's weights.

The graphs are built by hand instead of traced, which makes them faster. The normalisation of pixels is part
of the patch embedding; texts are not padded; one matrix product computes query, key and value; and the last
block computes only one token per item, the one that becomes the embedding. Running a node takes at least
several microseconds, so the text graph has as few nodes as possible.

- The input of the image graph is an array of uint8 pixels with the shape (items, size, size, 3).
- The inputs of the text graph are int32 token ids of shape (tokens,), and the arrays of
  `worker.encoder.tokenizer.PackedLayout`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from openvino import Model, Node, PartialShape, Type
from openvino import opset13 as op

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import TextConfig, VisionConfig
from worker.encoder.openvino.graph_builder import Graph
from worker.encoder.preprocessing import Preprocessing

_QUICK_GELU_BETA = 1.702
#: Maps names in `config.json` to the activation functions that CLIP checkpoints use.
_ACTIVATIONS: dict[str, Callable[[Node], Node]] = {
    "quick_gelu": lambda value: op.swish(value, op.constant(np.float32(_QUICK_GELU_BETA))),
    "gelu": lambda value: op.gelu(value, "erf"),
}


class Layout(Protocol):
    """Rearranges rows of shape (tokens, width) into a matrix per item and attention head, and back."""

    def to_heads(self, graph: Graph, packed: Node, *, heads: int, width: int) -> Node:
        """Convert rows of queries, keys and values to the shape (3, items x heads, tokens, head width)."""
        ...

    def to_rows(self, graph: Graph, attended: Node, *, heads: int, width: int) -> Node:
        """Convert the output of the heads, of shape (1, items x heads, tokens, head width), to rows."""
        ...

    def pooled(self, graph: Graph, rows: Node, *, width: int) -> Node:
        """Return those rows that become embeddings, one row per item."""
        ...


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """The layout of images, which all have the same number of tokens; the first token is the class token."""

    tokens: int

    def to_heads(self, graph: Graph, packed: Node, *, heads: int, width: int) -> Node:
        by_token = graph.reshape(packed, -1, self.tokens, 3, heads, width)
        by_head = op.transpose(by_token, graph.constant([2, 0, 3, 1, 4]))
        return graph.reshape(by_head, 3, -1, self.tokens, width)

    def to_rows(self, graph: Graph, attended: Node, *, heads: int, width: int) -> Node:
        by_head = graph.reshape(attended, -1, heads, self.tokens, width)
        return graph.reshape(op.transpose(by_head, graph.constant([0, 2, 1, 3])), -1, heads * width)

    def pooled(self, graph: Graph, rows: Node, *, width: int) -> Node:
        items = graph.reshape(rows, -1, self.tokens, width)
        return graph.gather(items, graph.constant(0), axis=1)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """The layout of packed texts, described by index arrays that are inputs of the graph.

    One gather node moves the query, key and value of each token into the matrices of its text's heads, and
    another gather node moves the output back. These two nodes replace a gather of rows and three transposes.
    """

    places: Mapping[str, Node]

    def to_heads(self, graph: Graph, packed: Node, *, heads: int, width: int) -> Node:  # noqa: ARG002 - in the indices
        return graph.gather(graph.reshape(packed, -1, width), self.places["to_heads"])

    def to_rows(self, graph: Graph, attended: Node, *, heads: int, width: int) -> Node:
        by_token = graph.gather(graph.reshape(attended, -1, width), self.places["to_rows"])
        return graph.reshape(by_token, -1, heads * width)

    def pooled(self, graph: Graph, rows: Node, *, width: int) -> Node:  # noqa: ARG002 - one row is one token
        return graph.gather(rows, self.places["ends"])


class Tower:
    """The text or image transformer, a stack of pre-norm blocks; its methods add the blocks to a graph."""

    def __init__(
        self, graph: Graph, config: TextConfig | VisionConfig, *, prefix: str, layout: Layout
    ) -> None:
        if config.hidden_act not in _ACTIVATIONS:
            raise ModelUnavailable(
                f"the activation {config.hidden_act} is not supported; CLIP uses quick_gelu"
            )
        self._graph, self._layout, self._prefix = graph, layout, prefix
        self._activation = _ACTIVATIONS[config.hidden_act]
        self._heads = config.num_attention_heads
        self._layers = config.num_hidden_layers
        self._epsilon = config.layer_norm_eps
        self.width = config.hidden_size

    def blocks(self, rows: Node, *, mask: Node | None = None) -> Node:
        """Add all blocks; after the attention of the last block, only the pooled rows are computed."""
        for number in range(self._layers):
            layer = f"{self._prefix}.encoder.layers.{number}"
            attended = self._attention(self._norm(rows, f"{layer}.layer_norm1"), layer, mask=mask)
            if number == self._layers - 1:
                rows = self._layout.pooled(self._graph, rows, width=self.width)
                attended = self._layout.pooled(self._graph, attended, width=self.width)
            rows = op.add(rows, self._graph.linear(attended, [f"{layer}.self_attn.out_proj"]))
            rows = op.add(rows, self._feed_forward(rows, layer))
        return rows

    def embeddings(self, rows: Node, *, norm: str, projection: str) -> Node:
        """Normalise the pooled rows and project them to the shared space, without scaling to unit length."""
        weight = self._graph.constant(self._graph.weights[f"{projection}.weight"])
        return self._graph.project(self._norm(rows, norm), weight)

    def _norm(self, rows: Node, name: str) -> Node:
        return self._graph.layer_norm(rows, name, epsilon=self._epsilon)

    def _attention(self, rows: Node, layer: str, *, mask: Node | None) -> Node:
        graph, heads, width = self._graph, self._heads, self.width // self._heads
        packed = self._query_key_value(rows, layer, width=width)
        parts = self._layout.to_heads(graph, packed, heads=heads, width=width)
        query, key, value = op.split(parts, graph.constant(0), 3).outputs()
        # OpenVINO fuses these nodes into one kernel that also transposes the keys.
        scores = op.matmul(query, key, transpose_a=False, transpose_b=True)
        seen = scores if mask is None else op.add(scores, mask)
        attended = op.matmul(op.softmax(seen, axis=-1), value, transpose_a=False, transpose_b=False)
        return self._layout.to_rows(graph, attended, heads=heads, width=width)

    def _query_key_value(self, rows: Node, layer: str, *, width: int) -> Node:
        """Return query, key and value in one matrix; the query is scaled by 1 / sqrt(width of a head)."""
        factors = {"q": width**-0.5, "k": 1.0, "v": 1.0}
        weight, bias = (
            np.concatenate(
                [
                    self._graph.weights[f"{layer}.self_attn.{part}_proj.{kind}"] * np.float32(factor)
                    for part, factor in factors.items()
                ]
            )
            for kind in ("weight", "bias")
        )
        return self._graph.dense(rows, weight, bias)

    def _feed_forward(self, rows: Node, layer: str) -> Node:
        hidden = self._graph.linear(self._norm(rows, f"{layer}.layer_norm2"), [f"{layer}.mlp.fc1"])
        return self._graph.linear(self._activation(hidden), [f"{layer}.mlp.fc2"])


def text_model(graph: Graph, config: TextConfig) -> Model:
    """Return the text tower, whose inputs are the ids and the fields of `PackedLayout`, in order."""
    # The ids are int32, because OpenVINO's CPU kernels would convert any other type to int32.
    ids = op.parameter(PartialShape([-1]), Type.i32, "ids")
    shapes = {
        "positions": [-1],
        "to_heads": [3, -1, -1],
        "to_rows": [-1, config.num_attention_heads],
        "ends": [-1],
    }
    places = {name: op.parameter(PartialShape(shape), Type.i32, name) for name, shape in shapes.items()}
    mask = op.parameter(PartialShape([-1, -1]), Type.f32, "mask")
    tower = Tower(graph, config, prefix="text_model", layout=TextLayout(places))
    table = "text_model.embeddings.{}_embedding.weight"
    tokens = graph.gather(graph.constant(graph.weights[table.format("token")]), ids)
    positions = graph.constant(graph.weights[table.format("position")])
    rows = tower.blocks(op.add(tokens, graph.gather(positions, places["positions"])), mask=mask)
    output = tower.embeddings(rows, norm="text_model.final_layer_norm", projection="text_projection")
    return graph.model([ids, *places.values(), mask], output=output)


def image_model(graph: Graph, config: VisionConfig, preprocessing: Preprocessing) -> Model:
    """Return the image tower, whose input is the decoder's uint8 output."""
    size = config.image_size
    if size != preprocessing.size_px:
        raise ModelUnavailable(
            f"the model takes {size} pixels, its preprocessing makes {preprocessing.size_px}"
        )
    pixels = op.parameter(PartialShape([-1, size, size, 3]), Type.u8, "pixels")
    side = size // config.patch_size
    tower = Tower(graph, config, prefix="vision_model", layout=ImageLayout(tokens=side * side + 1))
    patches = _flat_patches(graph, pixels, side=side, patch_px=config.patch_size)
    rows = _patch_rows(graph, patches, width=tower.width, side=side, preprocessing=preprocessing)
    # The misspelt name ("layrnorm") is the layer's name in every checkpoint.
    rows = graph.layer_norm(rows, "vision_model.pre_layrnorm", epsilon=config.layer_norm_eps)
    output = tower.embeddings(
        tower.blocks(rows), norm="vision_model.post_layernorm", projection="visual_projection"
    )
    return graph.model([pixels], output=output)


def _flat_patches(graph: Graph, pixels: Node, *, side: int, patch_px: int) -> Node:
    """Return the pixel values of each patch, with the shape (items x patches, values per patch)."""
    grid = graph.reshape(op.convert(pixels, Type.f32), -1, side, patch_px, side, patch_px * 3)
    by_patch = op.transpose(grid, graph.constant([0, 1, 3, 2, 4]))
    return graph.reshape(by_patch, -1, patch_px * patch_px * 3)


def _patch_rows(graph: Graph, flat: Node, *, width: int, side: int, preprocessing: Preprocessing) -> Node:
    """Return class token and patch embeddings plus positions, with shape (items x tokens, width).

    The convolution is one matrix product, because its patches do not overlap. Its weights and bias include
    the normalisation `(p / 255 - mean) / std` of a pixel `p`: a weight `w` becomes `w / (255 std)`, and the
    bias is the negative sum of all `w mean / std`.
    """
    kernel = graph.weights["vision_model.embeddings.patch_embedding.weight"].astype(np.float64)
    mean, std = (np.array(v)[:, None, None] for v in (preprocessing.mean, preprocessing.std))
    weight = (kernel / (255 * std)).transpose(0, 2, 3, 1).reshape(width, -1)
    bias = -(kernel * (mean / std)).sum(axis=(1, 2, 3))
    patches = graph.reshape(graph.multiply(flat, weight, bias), -1, side * side, width)
    return graph.reshape(_with_class_token(graph, patches, width), -1, width)


def _with_class_token(graph: Graph, patches: Node, width: int) -> Node:
    positions = graph.weights["vision_model.embeddings.position_embedding.weight"]
    class_token = graph.weights["vision_model.embeddings.class_embedding"] + positions[0]
    items = graph.gather(op.shape_of(patches), graph.constant([0]))
    shape = op.concat([items, graph.constant([1, width])], axis=0)
    first = op.broadcast(graph.constant(class_token.reshape(1, 1, width)), shape)
    return op.concat([first, op.add(patches, graph.constant(positions[1:]))], axis=1)

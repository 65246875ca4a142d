"""Reads configuration, weights and tokenizer of a CLIP checkpoint in Hugging Face format, without torch."""

import importlib.util
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import ml_dtypes  # noqa: F401  # registers bfloat16 with NumPy, which safetensors looks up by name
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import safe_open
from tokenizers import Tokenizer

from common.catalog.protocol import EMBEDDING_DIMENSION
from common.errors import ModelUnavailable
from common.regular_files import read_regular_file
from worker.encoder.model_files import SAFETENSORS_SUFFIX, weight_files
from worker.encoder.tokenizer import clip_tokenizer

#: How to install torch.
INSTALL_TORCH = "pip install 'cover-search[torch]', or in a checkout: pip install -r requirements/torch.txt"

Size = Annotated[int, Field(gt=0)]


class TowerConfig(BaseModel):
    """The configuration of the text or image tower; values that `config.json` omits have default values."""

    model_config = ConfigDict(frozen=True)

    num_hidden_layers: Size = 12
    hidden_act: str = "quick_gelu"
    layer_norm_eps: Annotated[float, Field(gt=0)] = 1e-5


class TextConfig(TowerConfig):
    """The text tower's configuration, with the defaults of `CLIPTextConfig`."""

    vocab_size: Size = 49_408
    hidden_size: Size = 512
    intermediate_size: Size = 2048
    num_attention_heads: Size = 8
    max_position_embeddings: Size = 77
    eos_token_id: int = 49_407


class VisionConfig(TowerConfig):
    """The image tower's configuration, with the defaults of `CLIPVisionConfig`."""

    hidden_size: Size = 768
    intermediate_size: Size = 3072
    num_attention_heads: Size = 12
    num_channels: Annotated[int, Field(ge=3, le=3)] = 3
    image_size: Size = 224
    patch_size: Size = 32

    @property
    def patches(self) -> int:
        """Return the number of patches of one image."""
        side = self.image_size // self.patch_size
        return side * side


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """The configuration of a CLIP model with a 512-dimensional projection."""

    text: TextConfig
    vision: VisionConfig


class Weights(Mapping[str, npt.NDArray[np.float32]], ABC):
    """The tensors of a checkpoint by name; each tensor is read and converted to float32 on access."""

    @abstractmethod
    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor without reading it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model with complete weights; texts are truncated to `max_tokens` tokens."""

    config: ClipConfig
    weights: Weights
    tokenizer: Tokenizer
    max_tokens: int


def read_config(folder: Path) -> ClipConfig:
    """Return the configuration of the model without reading weights.

    Raises:
        ModelUnavailable: the model is not a CLIP model with a 512-dimensional projection.
    """
    config = _read_json(folder / "config.json")
    if config.get("model_type") != "clip":
        found = config.get("model_type", "no model type")
        raise ModelUnavailable(f"the model in {folder} is {found}, not CLIP; set CLIP_MODEL to a CLIP model")
    # Some configs omit the projection dimension, whose default in transformers is 512.
    projection = config.get("projection_dim", EMBEDDING_DIMENSION)
    if projection != EMBEDDING_DIMENSION:
        raise ModelUnavailable(
            f"the model in {folder} projects to {projection} dimensions and the catalog stores "
            f"{EMBEDDING_DIMENSION}; CLIP ViT-B/32 and ViT-B/16 fit"
        )
    try:
        return ClipConfig(
            text=TextConfig.model_validate(_tower(config, "text_config")),
            vision=VisionConfig.model_validate(_tower(config, "vision_config")),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        raise ModelUnavailable(f"{folder / 'config.json'}: {name}: {first['msg']}") from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """Open the weights, check that all tensors exist with the right shapes, and load the tokenizer.

    Raises:
        ModelUnavailable: the weights are truncated, incomplete or of another architecture.
    """
    config = read_config(folder)
    weights = _open_weights(folder)
    _check_shapes(weights, config, folder)
    tokenizer = clip_tokenizer(folder)
    own_limit = _read_json(folder / "tokenizer_config.json").get("model_max_length")
    positions = config.text.max_position_embeddings
    return Checkpoint(
        config=config,
        weights=weights,
        tokenizer=tokenizer,
        # For a tokenizer without a maximum length, transformers writes 1e30 as the maximum.
        max_tokens=min(int(own_limit), positions) if isinstance(own_limit, int | float) else positions,
    )


class SafetensorsWeights(Weights):
    """The tensors of memory-mapped `.safetensors` files."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Open the files.

        Raises:
            OSError, SafetensorError: a file cannot be read, or is truncated.
        """
        opened: list[Any] = [safe_open(file, framework="np") for file in files]  # without annotations
        self._file_of = {name: file for file in opened for name in file.keys()}  # noqa: SIM118 - no mapping

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._file_of[name].get_slice(name).get_shape())

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        tensor: npt.NDArray[Any] = self._file_of[name].get_tensor(name)
        return tensor.astype(np.float32, copy=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __len__(self) -> int:
        return len(self._file_of)


class PickledWeights(Weights):
    """The tensors of `.bin` files, which only torch can read."""

    def __init__(self, files: Sequence[Path]) -> None:
        # torch is imported only here, because it uses hundreds of megabytes, and other checkpoint formats are
        # read without torch.
        import torch

        self._tensors: dict[str, Any] = {}
        for file in files:
            self._tensors |= torch.load(file, map_location="cpu", weights_only=True)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._tensors[name].shape)

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        tensor: npt.NDArray[np.float32] = self._tensors[name].float().numpy()
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def tensor_shapes(config: ClipConfig) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the tensors of both towers."""
    text, vision = config.text, config.vision
    patch = (vision.hidden_size, vision.num_channels, vision.patch_size, vision.patch_size)
    return {
        "text_model.embeddings.token_embedding.weight": (text.vocab_size, text.hidden_size),
        "text_model.embeddings.position_embedding.weight": (text.max_position_embeddings, text.hidden_size),
        **_block_shapes("text_model", text),
        **_norm_shapes("text_model.final_layer_norm", text.hidden_size),
        "text_projection.weight": (EMBEDDING_DIMENSION, text.hidden_size),
        "vision_model.embeddings.class_embedding": (vision.hidden_size,),
        "vision_model.embeddings.patch_embedding.weight": patch,
        "vision_model.embeddings.position_embedding.weight": (vision.patches + 1, vision.hidden_size),
        # The misspelt name ("layrnorm") is the tensor's name in every checkpoint.
        **_norm_shapes("vision_model.pre_layrnorm", vision.hidden_size),
        **_block_shapes("vision_model", vision),
        **_norm_shapes("vision_model.post_layernorm", vision.hidden_size),
        "visual_projection.weight": (EMBEDDING_DIMENSION, vision.hidden_size),
    }


def _block_shapes(prefix: str, config: TextConfig | VisionConfig) -> dict[str, tuple[int, ...]]:
    width, hidden = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(config.num_hidden_layers):
        layer = f"{prefix}.encoder.layers.{number}"
        linear = {f"self_attn.{part}_proj": (width, width) for part in ("q", "k", "v", "out")}
        linear |= {"mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
        for name, shape in linear.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[:1]}
        for norm in ("layer_norm1", "layer_norm2"):
            shapes |= _norm_shapes(f"{layer}.{norm}", width)
    return shapes


def _norm_shapes(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _open_weights(folder: Path) -> Weights:
    files = weight_files(folder)
    is_pickled = files[0].suffix != SAFETENSORS_SUFFIX
    if is_pickled and importlib.util.find_spec("torch") is None:
        raise ModelUnavailable(
            f"the weights in {folder} are in {files[0].name}, which only torch reads: install it "
            f"({INSTALL_TORCH}), or take a checkpoint with model.safetensors"
        )
    try:
        return PickledWeights(files) if is_pickled else SafetensorsWeights(files)
    except Exception as error:  # unpickling may raise any exception
        raise ModelUnavailable(
            f"the weights in {folder} cannot be read ({type(error).__name__}: {error}); "
            "if a download was cut short, delete the folder and fetch it again"
        ) from error


def _check_shapes(weights: Weights, config: ClipConfig, folder: Path) -> None:
    expected = tensor_shapes(config)
    if missing := sorted(expected.keys() - weights.keys()):
        raise ModelUnavailable(
            f"the weights in {folder} lack {len(missing)} of the model's tensors, among them {missing[0]}"
        )
    for name, shape in expected.items():
        if (found := weights.shape(name)) != shape:
            raise ModelUnavailable(f"the tensor {name} in {folder} has the shape {found}, not {shape}")


def _tower(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a tower's configuration, stored under `<name>_dict` (in OpenAI's checkpoints) or `<name>`."""
    older = config.get(f"{name}_dict")
    found: dict[str, Any] = config.get(name, {}) if older is None else older
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_regular_file(path))
    except FileNotFoundError:
        if path.name != "config.json":
            return {}
        raise ModelUnavailable(f"{path} is missing") from None
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ModelUnavailable(f"{path} holds no JSON object")
    return document

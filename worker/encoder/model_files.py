"""Finds a model's files, and computes a fingerprint of those files that determine the model's vectors.

A model is a local folder or a name on the Hugging Face hub. The hub's local cache is searched first, so that
a worker can start without the network if the model has been downloaded before.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.errors import ModelUnavailable

SAFETENSORS_SUFFIX = ".safetensors"
_WEIGHTS = (f"model{SAFETENSORS_SUFFIX}", "pytorch_model.bin")
#: The files that determine a model's vectors, in addition to the weights.
_CONFIG_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's public name, its folder, and its fingerprint."""

    name: str
    folder: Path
    fingerprint: str

    def fingerprint_in(self, mode: str) -> str:
        """Return a fingerprint for this model in a numeric mode, such as int8, that changes its vectors."""
        return hashlib.sha256(f"{self.fingerprint}:{mode}".encode()).hexdigest()


def find_model(name: str) -> ModelSource:
    """Find a model's files on this machine or on the hub, and compute their fingerprint.

    Raises:
        ModelUnavailable: the model does not exist or cannot be downloaded, or files are missing.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or name.startswith((".", "~")):
            raise ModelUnavailable(f"CLIP_MODEL is {name}, and there is no such folder")
        folder = _from_hub(name)
    weights = weight_files(folder)
    if not (folder / "config.json").is_file() or not weights:
        raise ModelUnavailable(f"{folder} holds no model: it needs config.json and {' or '.join(_WEIGHTS)}")
    for file in weights:
        if not file.is_file():
            raise ModelUnavailable(f"{file} is not a regular file")
    configs = [folder / file for file in _CONFIG_FILES if (folder / file).is_file()]
    return ModelSource(name=_public_name(name), folder=folder, fingerprint=_digest([*configs, *weights]))


def _public_name(name: str) -> str:
    """Return the name to show to clients; a folder's name is only its last part, to keep the path private."""
    folder = Path(name).expanduser()
    return folder.resolve().name if folder.is_dir() else name


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files that `from_pretrained` would read: a single file, or all shards."""
    for file in _WEIGHTS:
        if (folder / file).is_file():
            return [folder / file]
        if (folder / f"{file}.index.json").is_file():
            stem, suffix = file.rsplit(".", 1)
            return sorted(folder.glob(f"{stem}-*-of-*.{suffix}"))
    return []


def _digest(files: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            part = hashlib.file_digest(content, "sha256")
        whole.update(f"{file.name}\0{part.hexdigest()}\n".encode())
    return whole.hexdigest()


def _from_hub(name: str) -> Path:
    # The import is inside the function, because huggingface_hub loads an HTTP client, which is not needed for
    # local models.
    from httpx2 import HTTPError  # huggingface_hub does not wrap errors of broken transfers
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        if weight_files(folder):
            return folder
    except LocalEntryNotFoundError:
        pass  # the model is not on this machine yet
    except HFValidationError as error:
        raise ModelUnavailable(f"{name!r} is neither a folder nor a name on the Hugging Face hub") from error
    try:
        # Only the first available format is used, because OpenAI's repositories contain the same weights in
        # three formats.
        for weights in _WEIGHTS:
            folder = Path(snapshot_download(name, allow_patterns=[*_CONFIG_FILES, weights]))
            if weight_files(folder):
                break
    except (OSError, HTTPError) as error:
        raise ModelUnavailable(
            f"{name} is not on this machine and could not be fetched from the Hugging Face hub "
            f"({type(error).__name__}); check the name and the network, or set CLIP_MODEL to a local folder"
        ) from error
    return folder

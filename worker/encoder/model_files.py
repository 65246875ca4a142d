"""Where a model's files are, and the fingerprint of those that decide its vectors.

A model is a local folder or a name on the Hugging Face hub. The hub's local cache is looked in
first, so that a worker that has once had the model starts without the network.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.errors import ModelUnavailable

SAFETENSORS_SUFFIX = ".safetensors"
_WEIGHTS = (f"model{SAFETENSORS_SUFFIX}", "pytorch_model.bin")
#: Files that decide what a text's tokens or an image's pixels become.
_DECIDING = (
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
    """A model's name as clients see it, and the folder that holds its files."""

    name: str
    folder: Path
    fingerprint: str

    def numeric(self, mode: str) -> str:
        """Return the fingerprint of this model in a numeric mode that changes its vectors."""
        return hashlib.sha256(f"{self.fingerprint}:{mode}".encode()).hexdigest()


def find_model(name: str) -> ModelSource:
    """Find a model's files, on this machine or on the hub, and fingerprint them.

    Raises:
        ModelUnavailable: there is no such folder or hub model, it cannot be fetched, or files are missing.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or name.startswith((".", "~")):
            raise ModelUnavailable(f"CLIP_MODEL is {name}, and there is no such folder")
        folder = _from_hub(name)
    weights = weight_files(folder)
    if not (folder / "config.json").is_file() or not weights:
        raise ModelUnavailable(f"{folder} holds no model: it needs config.json and {' or '.join(_WEIGHTS)}")
    deciding = [folder / file for file in _DECIDING if (folder / file).is_file()]
    return ModelSource(name=_shown(name), folder=folder, fingerprint=_digest([*deciding, *weights]))


def _shown(name: str) -> str:
    """Return what clients see: a folder's own name, for where it lies is nobody's business."""
    folder = Path(name).expanduser()
    return folder.resolve().name if folder.is_dir() else name


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files that `from_pretrained` would read: one, or the shards of one."""
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
    # huggingface_hub pulls in an HTTP client, which a worker with a local folder does without
    from httpx2 import HTTPError  # the hub lets a broken transfer's error through as it is
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        if weight_files(folder):
            return folder
    except LocalEntryNotFoundError:
        pass  # not on this machine yet: fetched below
    except HFValidationError as error:
        raise ModelUnavailable(f"{name!r} is neither a folder nor a name on the Hugging Face hub") from error
    try:
        for weights in _WEIGHTS:  # one after the other: OpenAI's repositories hold the same weights thrice
            folder = Path(snapshot_download(name, allow_patterns=[*_DECIDING, weights]))
            if weight_files(folder):
                break
    except (OSError, HTTPError) as error:
        raise ModelUnavailable(
            f"{name} is not on this machine and could not be fetched from the Hugging Face hub "
            f"({type(error).__name__}); check the name and the network, or set CLIP_MODEL to a local folder"
        ) from error
    return folder

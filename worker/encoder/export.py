"""The command that turns a checkpoint into the ONNX encoder's cache entry, in a process of its own.

    python -m worker.encoder.export MODEL_FOLDER ENTRY_FOLDER

It alone imports torch; the worker that waits for it never does. A checkpoint that cannot be
served ends it with status 3 and the reason, one line, on standard output.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import onnx

from common.errors import ModelUnavailable
from worker.encoder.cache import EXPORT_REFUSED
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.clip_graph import image_model, text_model
from worker.encoder.graph import Graph
from worker.encoder.preprocessing import read_preprocessing


def export(folder: Path, entry: Path) -> None:
    """Write `image.onnx`, `text.onnx` with their weights beside them, the tokenizer and `encoder.json`."""
    preprocessing = read_preprocessing(folder)
    checkpoint = load_checkpoint(folder)
    config = checkpoint.model.config
    weights = {name: tensor.detach().numpy() for name, tensor in checkpoint.model.state_dict().items()}
    text_config, vision_config = config.text_config.to_dict(), config.vision_config.to_dict()
    _save(text_model(Graph(weights), text_config), entry / "text.onnx")
    _save(image_model(Graph(weights), vision_config, preprocessing), entry / "image.onnx")
    (entry / "tokenizer.json").write_text(checkpoint.tokenizer_json, encoding="utf-8")
    facts = {
        "size_px": preprocessing.size_px,
        "max_tokens": checkpoint.max_tokens,
        "eos_id": text_config["eos_token_id"],
    }
    (entry / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")


def _save(model: onnx.ModelProto, path: Path) -> None:
    # weights in a file of their own are mapped into memory, and shared by the workers of one machine
    onnx.save_model(
        model, str(path), save_as_external_data=True, location=f"{path.stem}.weights", convert_attribute=False
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one model."""
    parser = argparse.ArgumentParser(prog="python -m worker.encoder.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("entry", type=Path)
    options = parser.parse_args(arguments)
    try:
        export(options.folder, options.entry)
    except ModelUnavailable as error:
        print(error.detail.replace("\n", " "))
        return EXPORT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())

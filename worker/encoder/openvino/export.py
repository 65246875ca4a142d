"""The export command, which converts a checkpoint to a cache entry of the OpenVINO encoder.

    python -m worker.encoder.openvino.export MODEL_FOLDER ENTRY_FOLDER [--int8] [--parent PID]

The export is a separate process, because its memory would otherwise stay allocated in the worker. For an
unsuitable checkpoint, the command prints the reason as one line to standard output and exits with status 3.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import openvino

from common.errors import ModelUnavailable
from common.processes.child_processes import end_with_parent
from common.validation.strict_numbers import whole_number
from worker.encoder.checkpoint import load_checkpoint
from worker.encoder.model_files import ModelSource, find_model
from worker.encoder.openvino.clip_graph import image_model, text_model
from worker.encoder.openvino.encoder import OpenVinoEncoder
from worker.encoder.openvino.export_cache import EXPORT_REFUSED
from worker.encoder.openvino.graph_builder import Graph
from worker.encoder.openvino.int8 import Int8Graph
from worker.encoder.openvino.verification import verify
from worker.encoder.preprocessing import read_preprocessing


def export(source: ModelSource, entry: Path, *, int8: bool) -> None:
    """Write both towers with their weights, the tokenizer and `encoder.json`, and verify both towers."""
    preprocessing = read_preprocessing(source.folder)
    checkpoint = load_checkpoint(source.folder)
    config, weights = checkpoint.config, checkpoint.weights
    graph = Int8Graph if int8 else Graph
    _write(text_model(graph(weights), config.text), entry / "text.xml")
    _write(image_model(graph(weights), config.vision, preprocessing), entry / "image.xml")
    checkpoint.tokenizer.save(str(entry / "tokenizer.json"))
    facts = {
        "size_px": preprocessing.size_px,
        "max_tokens": checkpoint.max_tokens,
        "eos_id": config.text.eos_token_id,
        "text_heads": config.text.num_attention_heads,
    }
    (entry / "encoder.json").write_text(json.dumps(facts), encoding="utf-8")
    encoder = OpenVinoEncoder(source, entry, precision="int8" if int8 else "auto")
    verify(encoder, checkpoint, preprocessing)


def _write(model: openvino.Model, path: Path) -> None:
    """Write a graph to `path`, and its weights to the file of the same name with the suffix `.bin`."""
    openvino.save_model(model, path, compress_to_fp16=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one model; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m worker.encoder.openvino.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("entry", type=Path)
    parser.add_argument("--int8", action="store_true")
    parser.add_argument(
        "--parent", type=whole_number, help="id of the parent process; the export ends with it"
    )
    options = parser.parse_args(arguments)
    if options.parent is not None:
        # The export ends when its worker ends; otherwise it could write to the same folder as the next
        # worker's export.
        end_with_parent(options.parent)
    try:
        export(find_model(str(options.folder)), options.entry, int8=options.int8)
    except ModelUnavailable as error:
        print(error.detail.replace("\n", " "))
        return EXPORT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())

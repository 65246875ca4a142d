"""Create a CLIP model with the shape of ViT-B/32 and random weights, in Hugging Face format.

Benchmarks load this model into both compared encoders, because speed does not depend on weights:

    python -m benchmarks.synthetic_clip --out DIR [--bpe bpe_simple_vocab_16e6.txt.gz] [--dtype float16]
"""

import argparse
import gzip
import json
import os
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from common.validation.strict_numbers import whole_number

#: The number of merges in openai/CLIP's vocabulary of 49,408 tokens.
MERGES_COUNT = 48_894
BPE_VARIABLE = "CLIP_BPE"
_BOS, _EOS = "<|startoftext|>", "<|endoftext|>"


def byte_symbols() -> list[str]:
    """Return the printable character that stands for each byte, in the order of CLIP's vocabulary."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in set(shown)]
    return [chr(byte) for byte in shown] + [chr(256 + n) for n in range(len(hidden))]


def merges_of_openai(path: Path) -> list[str]:
    """Read the merges of `bpe_simple_vocab_16e6.txt.gz`, whose first line is a header."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return lines.read().split("\n")[1 : MERGES_COUNT + 1]


def synthetic_merges(seed: int) -> list[str]:
    """Generate random merges of lower-case letters; each merge joins two existing tokens."""
    draw = random.Random(seed)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    open_tokens, known, merges = list(letters), set(letters), list[str]()
    while len(merges) < MERGES_COUNT:
        left, right = draw.choice(open_tokens), draw.choice(letters)
        ends_word = draw.random() < 0.5
        joined = left + right + ("</w>" if ends_word else "")
        if joined in known:
            continue
        known.add(joined)
        merges.append(f"{left} {right}{'</w>' if ends_word else ''}")
        if not ends_word:
            open_tokens.append(joined)
    return merges


def vocabulary(merges: Iterable[str]) -> dict[str, int]:
    """Return the id of each token; ids are in the order of openai/CLIP's vocabulary."""
    symbols = byte_symbols()
    tokens = [*symbols, *(f"{symbol}</w>" for symbol in symbols), *("".join(m.split()) for m in merges)]
    return {token: number for number, token in enumerate([*tokens, _BOS, _EOS])}


def write_model(out: Path, *, merges: Sequence[str], seed: int, dtype: str) -> None:
    """Write the weights, tokenizer and preprocessing files in the layout of `save_pretrained`."""
    # torch and transformers are imported here because the import takes seconds
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    vocab = vocabulary(merges)
    marks = {"bos_token_id": vocab[_BOS], "eos_token_id": vocab[_EOS], "pad_token_id": vocab[_EOS]}
    config = CLIPConfig(
        text_config={"vocab_size": len(vocab), **marks},
        vision_config={"patch_size": 32, "image_size": 224},
        projection_dim=512,
    )
    torch.manual_seed(seed)
    CLIPModel(config).to(getattr(torch, dtype)).save_pretrained(out)
    # transformers annotates merges as strings but accepts only pairs
    pairs: Any = [tuple(merge.split()) for merge in merges]
    processor: Any = CLIPProcessor  # its constructor has no annotations
    tokenizer = CLIPTokenizer(vocab=vocab, merges=pairs, model_max_length=77)
    processor(image_processor=CLIPImageProcessor(), tokenizer=tokenizer).save_pretrained(out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Create the model unless the folder already has a model with the same options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic_clip", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bpe", type=Path, default=os.environ.get(BPE_VARIABLE))
    parser.add_argument("--seed", type=whole_number, default=0)
    parser.add_argument("--dtype", choices=["float32", "float16"], default="float32")
    options = parser.parse_args(arguments)
    recipe = {
        "seed": options.seed,
        "dtype": options.dtype,
        "vocabulary": "openai" if options.bpe else "synthetic",
    }
    stamp = options.out / "recipe.json"
    if stamp.exists() and json.loads(stamp.read_text()) == recipe:
        return 0
    merges = merges_of_openai(options.bpe) if options.bpe else synthetic_merges(options.seed)
    write_model(options.out, merges=merges, seed=options.seed, dtype=options.dtype)
    stamp.write_text(json.dumps(recipe))
    print(f"wrote {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

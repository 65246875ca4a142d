"""Texts to token ids, without padding: what the text tower reads, and no more.

The tower's attention looks back only and the embedding is taken at the end mark, so tokens after
it change nothing: no text is padded, and one mask serves all texts of a pass.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

from common.errors import ModelUnavailable

#: The end mark's id in configs written before transformers' pull request 24773; models with it take
#: the embedding at the highest id of the sequence.
_LEGACY_EOS_ID = 2

#: Added to the score of a token that must not be looked at.
_NEVER = -1e9
#: Layouts that are kept; single texts, whose lengths are few, are what gains, one in a hundred.
_LAYOUTS_KEPT = 32

#: What a text is cut into before byte pairs are merged: openai/CLIP's `simple_tokenizer.py`.
_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
_START_MARK, _END_MARK = "<|startoftext|>", "<|endoftext|>"

Indices = npt.NDArray[np.int64]

#: Up to a number of tokens, the number that a pass's length is a multiple of; past the last, as in the last.
_STEPS = ((32, 4), (128, 8), (1024, 32))


def rounded_up(tokens: int) -> int:
    """Return the number of tokens that a pass of so many is filled up to.

    OpenVINO prepares a kernel for each length that it meets, which takes milliseconds and memory, so
    that lengths are few.
    """
    step = next((step for most, step in _STEPS if tokens <= most), _STEPS[-1][1])
    return -(-tokens // step) * step


def clip_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a checkpoint: `tokenizer.json`, else one made of `vocab.json` and `merges.txt`.

    Raises:
        ModelUnavailable: neither is there, or does not parse.
    """
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        return _tokenizer_of_merges(folder)
    except Exception as error:  # the library raises bare `Exception`
        raise ModelUnavailable(f"the tokenizer in {folder} cannot be loaded: {error}") from error


def _tokenizer_of_merges(folder: Path) -> Tokenizer:
    vocabulary: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    # the first line is a header
    merges = [(left, right) for left, _, right in (line.partition(" ") for line in lines[1:] if line)]
    model = BPE(
        vocab=vocabulary,
        merges=merges,
        unk_token=_END_MARK,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    marked: Any = processors.RobertaProcessing  # its annotations take `cls` for the class
    tokenizer.post_processor = marked(
        (_END_MARK, vocabulary[_END_MARK]),
        (_START_MARK, vocabulary[_START_MARK]),
        trim_offsets=False,
        add_prefix_space=False,
    )
    marks = (_START_MARK, _END_MARK)
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in marks])
    return tokenizer


class TextTokenizer:
    """The model's own tokenizer, cutting at the model's length."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, eos_id: int) -> None:
        """Take a tokenizer that ends each text with the mark of this id.

        Raises:
            ModelUnavailable: it ends texts otherwise.
        """
        if eos_id not in {_LEGACY_EOS_ID, *tokenizer.encode("").ids}:
            raise ModelUnavailable(f"the tokenizer ends no text with the model's eos_token_id, {eos_id}")
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_tokens)
        self._tokenizer = tokenizer
        self._eos_id = eos_id

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text up to its first end mark, where its embedding is taken."""
        return [
            self._to_end_mark(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))
        ]

    def truncates(self, text: str) -> bool:
        """Tell whether a text has more tokens than the model reads."""
        return bool(self._tokenizer.encode(text).overflowing)

    def _to_end_mark(self, ids: list[int]) -> list[int]:
        end = ids.index(max(ids) if self._eos_id == _LEGACY_EOS_ID else self._eos_id)
        return ids[: end + 1]


def lay_end_to_end(sequences: Sequence[Sequence[int]], *, out: npt.NDArray[np.int32]) -> None:
    """Write the ids of texts end to end, so that no linear layer multiplies padding.

    Behind the last text there are up to 31 tokens that nothing looks at, so that few different lengths occur.
    """
    ids = [token for sequence in sequences for token in sequence]
    out[: len(ids)] = ids
    out[len(ids) :] = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tokens of texts that lie end to end belong; what the text tower reads beside the ids.

    Only attention needs a rectangle, one per text and head, a little wider than the longest text. A token's
    row of query, key and value is 3 x heads parts: `to_heads`, shape (3, texts x heads, longest), gathers
    them from the parts of all tokens, and `to_rows`, shape (tokens, heads), brings a part per head back.
    `positions` has shape (tokens,), `ends` (texts,), `mask`, added to the scores, (longest, longest).
    """

    positions: npt.NDArray[np.int32]
    to_heads: npt.NDArray[np.int32]
    to_rows: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    mask: npt.NDArray[np.float32]

    @classmethod
    @lru_cache(maxsize=_LAYOUTS_KEPT)
    def of(cls, lengths: tuple[int, ...], *, heads: int) -> Self:
        """Place texts of these numbers of tokens."""
        sizes = np.array(lengths, dtype=np.int32)
        ends = np.cumsum(sizes, dtype=np.int32) - 1
        starts = ends - sizes + 1
        longest, total = rounded_up(max(lengths)), int(sizes.sum())
        columns, head = (np.arange(count, dtype=np.int32) for count in (longest, heads))
        # past its end a row repeats its last token, which nothing before it looks at
        rectangle = np.minimum(starts[:, None] + columns, ends[:, None])
        parts = np.arange(3 * heads, dtype=np.int32).reshape(3, 1, heads, 1)
        to_heads = rectangle[:, None] * (3 * heads) + parts
        positions, texts = np.zeros((2, rounded_up(total)), dtype=np.int32)
        positions[:total] = np.arange(total) - np.repeat(starts, sizes)
        texts[:total] = np.repeat(np.arange(len(lengths)), sizes)
        return cls(
            positions=positions,
            to_heads=to_heads.reshape(3, -1, longest),
            to_rows=(texts[:, None] * heads + head) * longest + positions[:, None],
            ends=ends,
            mask=np.where(columns > columns[:, None], np.float32(_NEVER), np.float32(0)),
        )

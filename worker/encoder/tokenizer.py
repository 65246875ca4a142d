"""The tokenizer of the text tower, and the packing of several texts into one input without padding.

The text tower's attention is causal and the embedding is taken at the end token, so tokens after the end
token have no effect. Texts therefore need no padding, and one causal mask serves all texts of a forward pass.
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
from common.regular_files import read_regular_file

#: The (wrong) id of the end token in configuration files from before pull request 24773 of transformers. If a
#: model's configuration has this id, the embedding is taken at the token with the highest id in the sequence.
_LEGACY_EOS_ID = 2

#: The value that is added to the attention score of a masked token.
_MASKED_SCORE = -1e9
#: The maximum number of cached layouts. The cache makes passes with a single text 1 % faster: its layout
#: depends only on its length, and there are few different lengths.
_LAYOUTS_KEPT = 32

#: The pattern that splits a text before byte pairs are merged, from openai/CLIP's `simple_tokenizer.py`.
_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
_START_MARK, _END_MARK = "<|startoftext|>", "<|endoftext|>"

Indices = npt.NDArray[np.int64]

#: Pairs (maximum, step): a pass of up to `maximum` tokens is padded to a multiple of `step`. The step of the
#: last pair also applies to longer passes.
_STEPS = ((32, 4), (128, 8), (1024, 32))


def padded_length(tokens: int) -> int:
    """Return the number of tokens to which a forward pass is padded.

    Passes are padded to a few different lengths, because OpenVINO prepares a kernel for each new length,
    which takes milliseconds and memory.
    """
    step = next((step for most, step in _STEPS if tokens <= most), _STEPS[-1][1])
    return -(-tokens // step) * step


def clip_tokenizer(folder: Path) -> Tokenizer:
    """Return a checkpoint's tokenizer, from `tokenizer.json` or from `vocab.json` and `merges.txt`.

    Raises:
        ModelUnavailable: the files are missing or cannot be parsed.
    """
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        return _tokenizer_of_merges(folder)
    except Exception as error:  # the library raises bare `Exception`
        raise ModelUnavailable(f"the tokenizer in {folder} cannot be loaded: {error}") from error


def _tokenizer_of_merges(folder: Path) -> Tokenizer:
    vocabulary: dict[str, int] = json.loads(read_regular_file(folder / "vocab.json"))
    lines = read_regular_file(folder / "merges.txt").decode().splitlines()
    # The first line of `merges.txt` is a header.
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
    # `RobertaProcessing` is typed as Any, because its type annotations treat the parameter `cls` as the class
    # itself.
    add_marks: Any = processors.RobertaProcessing
    tokenizer.post_processor = add_marks(
        (_END_MARK, vocabulary[_END_MARK]),
        (_START_MARK, vocabulary[_START_MARK]),
        trim_offsets=False,
        add_prefix_space=False,
    )
    marks = (_START_MARK, _END_MARK)
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in marks])
    return tokenizer


class TextTokenizer:
    """The model's own tokenizer, which truncates texts to the model's maximum number of tokens."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, eos_id: int) -> None:
        """Wrap a tokenizer that ends each text with the token `eos_id`.

        Raises:
            ModelUnavailable: the tokenizer ends texts with another token.
        """
        if eos_id not in {_LEGACY_EOS_ID, *tokenizer.encode("").ids}:
            raise ModelUnavailable(f"the tokenizer ends no text with the model's eos_token_id, {eos_id}")
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_tokens)
        self._tokenizer = tokenizer
        self._eos_id = eos_id

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text up to the first end token, at which the embedding is taken."""
        return [
            self._to_end_token(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(list(texts))
        ]

    def truncates(self, text: str) -> bool:
        """Return whether a text has more tokens than the model reads."""
        return bool(self._tokenizer.encode(text).overflowing)

    def _to_end_token(self, ids: list[int]) -> list[int]:
        end = ids.index(max(ids) if self._eos_id == _LEGACY_EOS_ID else self._eos_id)
        return ids[: end + 1]


def pack_ids(sequences: Sequence[Sequence[int]], *, out: npt.NDArray[np.int32]) -> None:
    """Write the token ids of all texts to `out`, one text after the other and without padding between texts.

    The remaining (at most 31) tokens of `out` are filled with zeros, which do not affect the embeddings;
    `padded_length` determines the length of `out`.
    """
    ids = [token for sequence in sequences for token in sequence]
    out[: len(ids)] = ids
    out[len(ids) :] = 0


@dataclass(frozen=True, slots=True)
class PackedLayout:
    """The index arrays of packed texts, which are inputs of the text tower in addition to the token ids.

    Attention needs one matrix per text and head; the number of its rows is the padded length of the longest
    text. Each token has 3 x heads vectors (query, key and value of each head). `to_heads`, of shape (3, texts
    x heads, longest), gathers these vectors into the matrices; `to_rows`, of shape (tokens, heads), gathers
    the attention output of each token. `positions`, of shape (tokens,), has each token's position in its
    text; `ends`, of shape (texts,), has the index of each end token; `mask`, of shape (longest, longest), is
    added to the scores.
    """

    positions: npt.NDArray[np.int32]
    to_heads: npt.NDArray[np.int32]
    to_rows: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    mask: npt.NDArray[np.float32]

    @classmethod
    @lru_cache(maxsize=_LAYOUTS_KEPT)
    def of(cls, lengths: tuple[int, ...], *, heads: int) -> Self:
        """Return the layout of texts with these numbers of tokens."""
        sizes = np.array(lengths, dtype=np.int32)
        ends = np.cumsum(sizes, dtype=np.int32) - 1
        starts = ends - sizes + 1
        longest, total = padded_length(max(lengths)), int(sizes.sum())
        columns, head = (np.arange(count, dtype=np.int32) for count in (longest, heads))
        # Rows are padded with copies of the last token; because of the causal mask, the padding has no
        # effect.
        rectangle = np.minimum(starts[:, None] + columns, ends[:, None])
        parts = np.arange(3 * heads, dtype=np.int32).reshape(3, 1, heads, 1)
        to_heads = rectangle[:, None] * (3 * heads) + parts
        positions, texts = np.zeros((2, padded_length(total)), dtype=np.int32)
        positions[:total] = np.arange(total) - np.repeat(starts, sizes)
        texts[:total] = np.repeat(np.arange(len(lengths)), sizes)
        return cls(
            positions=positions,
            to_heads=to_heads.reshape(3, -1, longest),
            to_rows=(texts[:, None] * heads + head) * longest + positions[:, None],
            ends=ends,
            mask=np.where(columns > columns[:, None], np.float32(_MASKED_SCORE), np.float32(0)),
        )

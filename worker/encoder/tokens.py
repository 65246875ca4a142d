"""Texts to token ids, without padding: what the text tower reads, and no more.

The tower's attention looks back only and the embedding is taken at the end mark, so tokens after
it change nothing: neither padding nor an attention mask is ever made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

#: The end mark's id in configs written before transformers' pull request 24773; models with it take
#: the embedding at the highest id of the sequence.
_LEGACY_EOS_ID = 2

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


class TextTokenizer:
    """The model's own tokenizer, cutting at the model's length."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, eos_id: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_tokens)
        self._tokenizer = tokenizer
        self._eos_id = eos_id

    def __call__(self, texts: Sequence[str]) -> list[Indices]:
        """Return the ids of each text up to its first end mark, where its embedding is taken."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [self._to_end_mark(np.asarray(encoding.ids, dtype=np.int64)) for encoding in encodings]

    def _to_end_mark(self, ids: Indices) -> Indices:
        end = ids.argmax() if self._eos_id == _LEGACY_EOS_ID else (ids == self._eos_id).argmax()
        return ids[: int(end) + 1]


@dataclass(frozen=True, slots=True)
class PackedTexts:
    """Texts laid end to end, so that no linear layer multiplies padding.

    Only attention needs a rectangle: `to_padded`, shape (texts, longest), gathers it from the flat
    tokens, and `to_flat`, shape (tokens,), brings its rows back. Behind the last text there are up to
    31 tokens that nothing looks at, and the rectangle is a little wider than the longest text, so that
    few different lengths occur.
    """

    ids: Indices
    positions: Indices
    to_padded: Indices
    to_flat: Indices
    ends: Indices

    @classmethod
    def of(cls, sequences: Sequence[Indices]) -> Self:
        """Lay token sequences end to end."""
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        ends = np.cumsum(lengths) - 1
        starts = ends - lengths + 1
        longest, total = rounded_up(int(lengths.max())), int(lengths.sum())
        filling = np.zeros(rounded_up(total) - total, dtype=np.int64)
        positions = np.arange(total, dtype=np.int64) - np.repeat(starts, lengths)
        rows = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        columns = np.arange(longest, dtype=np.int64)
        # past its end a row repeats its last token, which nothing before it looks at
        to_padded = np.minimum(starts[:, None] + columns, ends[:, None])
        return cls(
            ids=np.concatenate([*sequences, filling]),
            positions=np.concatenate([positions, filling]),
            to_padded=to_padded,
            to_flat=np.concatenate([rows * longest + positions, filling]),
            ends=ends,
        )

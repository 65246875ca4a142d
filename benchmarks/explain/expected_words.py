"""Tells which words of the visual vocabulary are true of a demo cover, by the cover's attributes.

A word is true if it is a synonym, in training/data/vocabulary.py, of one of the cover's attributes, or if the
cover has all facts that `FACTS_OF_WORDS` lists for the word. All other words, such as "woman", are false of
every demo cover, and so are the words in `OTHER_MEANINGS`.
"""

from catalog.demo.albums import DemoAlbum
from catalog.demo.cover_attributes import facts
from training.data import vocabulary

_SYNONYMS = {
    "tone": vocabulary.TONE_WORDS,
    "colour": vocabulary.COLOUR_WORDS,
    "shape": vocabulary.SHAPE_WORDS,
    "layout": vocabulary.LAYOUT_WORDS,
    "texture": vocabulary.TEXTURE_WORDS,
    "scheme": vocabulary.SCHEME_WORDS,
}

#: Maps words of the visual vocabulary that training/data/vocabulary.py lacks to the facts that must be true
#: of a cover. A fact is an attribute of the drawing, such as `tone:dark`.
FACTS_OF_WORDS: dict[str, frozenset[str]] = {
    "dark red": frozenset({"ground:red", "tone:dark"}),
    "dark green": frozenset({"ground:green", "tone:dark"}),
    "navy blue": frozenset({"ground:blue", "tone:dark"}),
    "lime green": frozenset({"ground:green", "tone:bright"}),
    "sky blue": frozenset({"ground:blue", "tone:pale"}),
    "pastel colours": frozenset({"tone:pale"}),
    "empty space": frozenset({"layout:minimalist"}),
    "split in two halves": frozenset({"layout:split"}),
    "polka dots": frozenset({"texture:halftone"}),
}

#: Words that mean an object in the visual vocabulary, and a colour in training/data/vocabulary.py.
OTHER_MEANINGS = frozenset({"rose"})


def is_true(word: str, album: DemoAlbum) -> bool:
    """Return whether a word of the visual vocabulary is true of an album's cover."""
    known = facts(album.look, genre=album.genre)
    if word in FACTS_OF_WORDS:
        return FACTS_OF_WORDS[word] <= known
    return word not in OTHER_MEANINGS and any(
        f"{kind}:{name}" in known
        for kind, names in _SYNONYMS.items()
        for name, synonyms in names.items()
        if word == name or word in synonyms
    )

"""Makes random search phrases about demo covers, each with the facts that a matching cover must have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from catalog.demo.captions import LAYOUT_PHRASES, caption, object_phrase, plural, with_article
from catalog.demo.cover_attributes import FACTS, Look, facts
from training.data import vocabulary

_KEEP = 0.72
_SHORT_SHARE = 0.25
_CAPTION_SHARE = 0.2
_NOISE_SHARE = 0.15
_ORDINARY = 0.6


@dataclass(frozen=True, slots=True)
class Phrase:
    """A search phrase, and the facts that must be true of a cover that matches the phrase."""

    text: str
    requires: frozenset[str]


def describe(look: Look, *, genre: str, rng: Random) -> Phrase:
    """Return a random true phrase about a cover: a caption, an incomplete description or a few words."""
    dice = rng.random()
    if dice < _CAPTION_SHARE:
        phrase = Phrase(caption(look, genre=genre, rng=rng), _caption_facts(look, genre=genre))
    elif dice < _CAPTION_SHARE + _SHORT_SHARE:
        phrase = _short(look, genre=genre, rng=rng)
    else:
        phrase = _loose(look, genre=genre, rng=rng)
    return _with_noise(phrase, rng=rng) if rng.random() < _NOISE_SHARE else phrase


def prompts(rng: Random) -> list[Phrase]:
    """Return one short phrase for every fact, in the order of `PROMPT_FACTS`."""
    return [Phrase(_framed(_fact_words(fact, rng=rng), rng=rng), frozenset({fact})) for fact in PROMPT_FACTS]


def word_for(fact: str) -> str:
    """Return the most common wording of a fact; the evaluation searches for it."""
    kind, _, name = fact.partition(":")
    return f"{name} background" if kind == "ground" else _SYNONYMS[kind].get(name, (name,))[0]


_SYNONYMS = {
    "tone": vocabulary.TONE_WORDS,
    "colour": vocabulary.COLOUR_WORDS,
    "ground": vocabulary.COLOUR_WORDS,
    "ink": vocabulary.COLOUR_WORDS,
    "shape": vocabulary.SHAPE_WORDS,
    "layout": vocabulary.LAYOUT_WORDS,
    "texture": vocabulary.TEXTURE_WORDS,
    "title": vocabulary.TITLE_WORDS,
    "genre": vocabulary.GENRE_WORDS,
    "scheme": vocabulary.SCHEME_WORDS,
}

PROMPT_FACTS = tuple(fact for fact in FACTS if fact.partition(":")[0] in _SYNONYMS)


def _say(kind: str, name: str, *, rng: Random) -> str:
    """Return a word for an attribute: usually the most common word, sometimes a synonym."""
    choices = _SYNONYMS[kind][name]
    return choices[0] if rng.random() < _ORDINARY else rng.choice(choices)


def _fact_words(fact: str, *, rng: Random) -> str:
    kind, _, name = fact.partition(":")
    said = _say(kind, name, rng=rng)
    if kind == "ground":
        return rng.choice([f"{said} background", f"on {said}", f"{said} backdrop"])
    if kind == "ink":
        return rng.choice([f"{said} object", f"{said} shape", f"{said} figure"])
    if kind == "shape" and rng.random() < 0.3:
        return plural(said)
    if kind == "texture" and rng.random() < 0.4:
        return rng.choice([f"{said} background", f"{said} texture"])
    return said


def _framed(said: str, *, rng: Random) -> str:
    """Return the words unchanged or, at random, as part of a phrase such as "… album cover"."""
    return rng.choice(
        (
            said,
            said,
            f"{said} cover",
            f"{said} album cover",
            f"{said} artwork",
            f"an album with {said}",
            f"a cover with {with_article(said)}",
            f"{with_article(said)} cover",
        )
    )


def _short(look: Look, *, genre: str, rng: Random) -> Phrase:
    """Return a short phrase about one or two attributes of a cover."""
    form = rng.randrange(6)
    shape = _say("shape", look.shape, rng=rng)
    if form <= 1:
        colour, needs = _object_colour(look, rng=rng)
        return Phrase(_framed(f"{colour} {shape}", rng=rng), needs | {f"shape:{look.shape}"})
    if form == 2:
        said = f"{_say('tone', look.tone, rng=rng)} {_say('ground', look.ground, rng=rng)}"
        return Phrase(_framed(said, rng=rng), frozenset({f"tone:{look.tone}", f"ground:{look.ground}"}))
    if form == 3:
        said = f"{_say('layout', look.layout, rng=rng)} {shape}"
        return Phrase(_framed(said, rng=rng), frozenset({f"layout:{look.layout}", f"shape:{look.shape}"}))
    known = sorted(fact for fact in facts(look, genre=genre) if fact in _PROMPTABLE)
    chosen = rng.sample(known, form - 3)
    return Phrase(_framed(" ".join(_fact_words(f, rng=rng) for f in chosen), rng=rng), frozenset(chosen))


_PROMPTABLE = frozenset(PROMPT_FACTS)


def _object_colour(look: Look, *, rng: Random) -> tuple[str, frozenset[str]]:
    if look.colourful:
        return _say("scheme", "colourful", rng=rng), frozenset({"scheme:colourful"})
    return _say("ink", look.ink, rng=rng), frozenset({f"ink:{look.ink}"})


def _loose(look: Look, *, genre: str, rng: Random) -> Phrase:
    """Return a description that omits random attributes of a cover and names the others in random order."""
    needs: set[str] = set()
    parts = [_object_part(look, needs=needs, rng=rng), _ground_part(look, needs=needs, rng=rng)]
    if rng.random() < 0.4:
        needs.add(f"genre:{genre}")
        parts.append(_say("genre", genre, rng=rng) + rng.choice(["", " album", " music"]))
    if rng.random() < 0.15:
        needs.add(f"title:{look.title_place}")
        parts.append(_say("title", look.title_place, rng=rng))
    parts = [p for p in parts if p]
    if rng.random() < 0.4:
        rng.shuffle(parts)
    opening = rng.choice(("", "", "album cover with ", "a cover with ", "an album cover: ", "picture of "))
    return Phrase(opening + rng.choice((", ", " on ", " with ", " ")).join(parts), frozenset(needs))


def _object_part(look: Look, *, needs: set[str], rng: Random) -> str:
    colour = ""
    if rng.random() < _KEEP:
        colour, facts_needed = _object_colour(look, rng=rng)
        needs |= facts_needed
    needs.add(f"shape:{look.shape}")
    shape = _say("shape", look.shape, rng=rng)
    if rng.random() > _KEEP:
        return f"{colour} {shape}".strip()
    needs.add(f"layout:{look.layout}")
    if rng.random() < 0.7:
        template = rng.choice(LAYOUT_PHRASES[look.layout])
        return object_phrase(template, colour=colour, shape=shape)
    return f"{_say('layout', look.layout, rng=rng)} {colour} {shape}".replace("  ", " ")


def _ground_part(look: Look, *, needs: set[str], rng: Random) -> str:
    said: list[str] = []
    if rng.random() < _KEEP:
        needs.add(f"tone:{look.tone}")
        said.append(_say("tone", look.tone, rng=rng))
    if rng.random() < _KEEP:
        needs.add(f"ground:{look.ground}")
        said.append(_say("ground", look.ground, rng=rng))
        if look.layout == "split" and rng.random() < _KEEP:
            needs.add(f"accent:{look.accent}")
            said.append(f"and {_say('ground', look.accent, rng=rng)}")
    if rng.random() < _KEEP:
        needs.add(f"texture:{look.texture}")
        said.insert(rng.choice([0, len(said)]), _say("texture", look.texture, rng=rng))
    if look.monochrome and rng.random() < 0.5:
        needs.add("scheme:monochrome")
        said.append(_say("scheme", "monochrome", rng=rng))
    return " ".join([*said, rng.choice(("background", "background", "backdrop", ""))]).strip() if said else ""


def _caption_facts(look: Look, *, genre: str) -> frozenset[str]:
    silent = {f"title:{look.title_place}", "scheme:monochrome"}
    return facts(look, genre=genre) - silent


def _with_noise(phrase: Phrase, *, rng: Random) -> Phrase:
    """Return the phrase with one or two meaningless words added."""
    said = phrase.text.split()
    for _ in range(rng.randint(1, 2)):
        said.insert(rng.randint(0, len(said)), rng.choice(_SILENT))
    return Phrase(" ".join(said), phrase.requires)


def _meaningful(tables: Sequence[dict[str, tuple[str, ...]]]) -> set[str]:
    return {w for table in tables for ws in table.values() for phrase in ws for w in phrase.split()}


#: Words without a meaning for the cover: the neutral words that do not occur in any attribute's words.
_SILENT = tuple(w for w in vocabulary.NEUTRAL_WORDS if w not in _meaningful(list(_SYNONYMS.values())))

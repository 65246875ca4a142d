"""Invented names of artists and albums whose word frequencies, lengths and scripts resemble real ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Frequent words of album titles, the most frequent first.
_FREQUENT = _words(
    """
    the of a in and to love for you from on it all live my is at with night life we by be world black
    one no blue music songs time up this out heart your me dead new day are red not sun dark light home
    down dreams river white good blood under into moon fire sessions like i what water best over young man
    house and city be lost big little girl great sound gold dream war after way last high wild soul two
    now volume never sky when star end winter summer street lights rain don't it's can't
    """
)
#: Words of artists' names that occur in many of them.
_BAND_WORDS = _words("band brothers boys girls orchestra trio quartet kings project club sisters wolves")
_FIRST_NAMES = _words(
    """
    John David Michael James Paul Mary Anna Sarah Peter Bill Nick Tom Joe Kate Laura Chris Robert Mark
    Neil Elliott Nina Björk Zoë José André Chloë Sufjan Ólafur Françoise Jürgen Beyoncé Søren
    """
)
_ONSETS = _words("b br c ch d dr f fl g gr h j k kr l m n p pl qu r s sh sl st t th tr v w y z")
_VOWELS = _words("a e i o u ai ea ee ie oo ou")
_CODAS = ("", "", "", *_words("n l r s t m d ck ll nd ng rt ss st x"))
_ACCENTS = str.maketrans("aeioun", "áéíöüñ")
#: The letters of invented words for each script that separates words by spaces; `_KANA` has no spaces.
_LETTERS = (
    "абвгдежзиклмнопрстухшыья",
    "αβγδεζηθικλμνοπρστυφχψω",
    "가나다라마바사아자차카타파하거너더러머버서어저",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "אבגדהוזחטיכלמנסעפצקרשת",
)
_KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
    "椎名林檎東京事変夜空海"
)
_TAIL_WORDS = 20_000
_ALBUMS_PER_ARTIST = 5


@dataclass(frozen=True, slots=True)
class AlbumName:
    """The names of one album."""

    artist: str
    title: str


class NameMaker:
    """Makes names from one seed."""

    def __init__(self, seed: int = 14) -> None:
        self._draw = Random(seed)
        tail = dict.fromkeys(self._invented_word() for _ in range(_TAIL_WORDS))
        self._words = (*dict.fromkeys(_FREQUENT), *tail)
        # Zipf's law: the n-th most frequent word has a weight of about 1 / n.
        self._weights = [*accumulate(1 / (rank + 2) for rank in range(len(self._words)))]

    def albums(self, count: int) -> list[AlbumName]:
        """Return `count` albums; few artists have many albums, and many artists have one or two."""
        artists = [self._artist() for _ in range(max(1, count // _ALBUMS_PER_ARTIST))]
        weights = [*accumulate(1 / (rank + 20) ** 0.6 for rank in range(len(artists)))]
        chosen = self._draw.choices(artists, cum_weights=weights, k=count)
        return [AlbumName(artist, self._title(artist)) for artist in chosen]

    def misspelt(self, name: str) -> str:
        """Return the name with one letter of its longest word left out, doubled, replaced or swapped."""
        word = max(name.split(), key=len)
        place = self._draw.randrange(1, len(word) - 1)
        kind = self._draw.randrange(4)
        before, letter, after = word[:place], word[place], word[place + 1 :]
        changed = (
            before + after,
            before + letter + letter + after,
            before + self._draw.choice("aeioustnr") + after,
            before + after[0] + letter + after[1:],
        )[kind]
        return name.replace(word, changed, 1)

    def shuffled(self, name: str) -> str:
        """Return the words of a name in another order."""
        words = name.split()
        self._draw.shuffle(words)
        return " ".join(words)

    def sample(self, albums: list[AlbumName], count: int) -> list[AlbumName]:
        return self._draw.sample(albums, min(count, len(albums)))

    def _invented_word(self) -> str:
        draw = self._draw
        syllables = draw.choices((1, 2, 3), (2, 5, 2))[0]
        return "".join(
            draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS) for _ in range(syllables)
        )

    def _word(self) -> str:
        return self._draw.choices(self._words, cum_weights=self._weights)[0]

    def _rare_word(self) -> str:
        return self._words[self._draw.randrange(len(_FREQUENT), len(self._words))]

    def _other_script(self) -> str:
        draw = self._draw
        if draw.random() < 0.4:
            return "".join(draw.choices(_KANA, k=draw.randrange(3, 9)))
        letters = draw.choice(_LETTERS)
        words = ("".join(draw.choices(letters, k=draw.randrange(2, 9))) for _ in range(draw.randrange(1, 4)))
        return " ".join(words)

    def _artist(self) -> str:
        draw = self._draw
        rare = self._rare_word()
        return draw.choices(
            (
                " ".join(self._word() for _ in range(draw.randrange(1, 3))).title(),
                f"{draw.choice(_FIRST_NAMES)} {rare.title()}",
                f"The {rare.title()}s",
                f"{self._word()} {rare} {draw.choice(_BAND_WORDS)}".title(),
                f"{rare} & {self._rare_word()}".title(),
                rare.translate(_ACCENTS).title(),
                ".".join(draw.choices("ABCDEFGKLMNRTX", k=3)) + ".",
                self._other_script(),
            ),
            (33, 27, 15, 10, 5, 4, 3, 3),
        )[0]

    def _title(self, artist: str) -> str:
        draw, form = self._draw, self._draw.random()
        if form < 0.04:
            return artist
        if form < 0.06:
            return self._other_script()
        if form < 0.10:
            return f"{self._rare_word().title()}, Vol. {draw.randrange(1, 9)}"
        if form < 0.13:
            return f"Live at the {self._rare_word().title()} (Deluxe Edition)"
        words = draw.choices((1, 2, 3, 4, 6), (25, 30, 22, 15, 8))[0]
        return " ".join(
            self._word() if draw.random() < 0.7 else self._rare_word() for _ in range(words)
        ).title()

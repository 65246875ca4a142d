"""Every family, grouped by format."""

from benchmarks.costly_images import bmps, gifs, heifs, icc_profiles, jpegs, pngs, tiffs, webps

_ALL = (
    *jpegs.FAMILIES,
    *pngs.FAMILIES,
    *webps.FAMILIES,
    *gifs.FAMILIES,
    *bmps.FAMILIES,
    *tiffs.FAMILIES,
    *heifs.FAMILIES,
    *icc_profiles.FAMILIES,
)

_FORMATS = tuple(dict.fromkeys(family.format for family in _ALL))
FAMILIES = tuple(sorted(_ALL, key=lambda family: _FORMATS.index(family.format)))

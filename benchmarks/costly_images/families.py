"""Every family, by format."""

from benchmarks.costly_images import bmps, boxes, gifs, jpegs, pngs, profiles, tiffs, webps

FAMILIES = (
    *jpegs.FAMILIES,
    *pngs.FAMILIES,
    *webps.FAMILIES,
    *gifs.FAMILIES,
    *bmps.FAMILIES,
    *tiffs.FAMILIES,
    *boxes.FAMILIES,
    *profiles.FAMILIES,
)

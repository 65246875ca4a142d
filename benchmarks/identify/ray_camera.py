"""Photographs a cover by casting a ray through every pixel onto a tilted plane, in linear light.

The renderer uses NumPy and Pillow only, and shares no function with `warping_camera`. Rays meet a sleeve on a
table, a lamp shines with a diffuse and a specular part, fingers are drawn as capsules, and a sensor counts
photons.
"""

import io
from math import cos, pi, radians, sin, sqrt

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.identify.difficulty import LONG_PX, SHORT_PX, Difficulty, Photograph, Pixels, Quad

NAME = "rays"
_Floats = npt.NDArray[np.float32]
_VIEW_DEG = 56.0
_GAMMA = 2.2


def photograph(cover: Pixels, *, difficulty: Difficulty, seed: int) -> Photograph:
    """Return a photograph of a cover; the same seed gives the same photograph."""
    rng = np.random.default_rng([2, seed])
    width, height = (SHORT_PX, LONG_PX) if rng.random() < 0.5 else (LONG_PX, SHORT_PX)
    frame, origin, focal = _pose(width, height, difficulty=difficulty, rng=rng)
    rays = _rays(width, height, focal=focal)
    u, v, depth = _meet(rays, frame, origin)
    inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    albedo = _table(rays, rng=rng)
    quad = _corners(frame, origin, focal=focal, size=(width, height))
    shown = _with_stickers(cover, share=difficulty.covered * 0.5, rng=rng)
    albedo[inside] = _sampled(shown, u[inside], v[inside], side_px=_side_of(quad))
    light = _lamp(rays, depth, frame, albedo, inside=inside, difficulty=difficulty, rng=rng)
    light = _with_fingers(light, quad, share=difficulty.covered * 0.5, rng=rng)
    return Photograph(_developed(light, difficulty=difficulty, rng=rng), quad, difficulty, NAME, seed)


def _pose(
    width: int, height: int, *, difficulty: Difficulty, rng: np.random.Generator
) -> tuple[_Floats, _Floats, float]:
    """Return the sleeve's right, down and normal vectors, its upper left corner, and the focal length."""
    focal = 0.5 * max(width, height) / np.tan(radians(_VIEW_DEG / 2))
    tilt = radians(difficulty.tilt_deg * sqrt(rng.uniform(0.1, 1.0)))
    roll = radians(difficulty.roll_deg) * rng.uniform(-1, 1)
    towards = rng.uniform(0, 2 * pi)
    normal = np.array([sin(tilt) * cos(towards), sin(tilt) * sin(towards), -cos(tilt)])
    right = np.array([cos(roll), sin(roll), 0.0])
    right -= normal * (right @ normal)
    right /= np.linalg.norm(right)
    down = np.cross(right, normal)
    down *= np.sign(down @ np.array([-sin(roll), cos(roll), 0.0]))
    share = 1 - difficulty.background + rng.uniform(-0.04, 0.04)
    # A square of side 1 at this distance, seen at an angle, has the wanted area.
    distance = focal * sqrt(cos(tilt) / (share * width * height))
    slack = np.array([width, height]) / focal * distance - 1.15
    aside = rng.uniform(-0.4, 0.4, 2) * np.maximum(slack, 0)
    centre = np.array([aside[0], aside[1], distance])
    frame = np.stack([right, down, normal]).astype(np.float32)
    return frame, (centre - (right + down) / 2).astype(np.float32), float(focal)


def _rays(width: int, height: int, *, focal: float) -> _Floats:
    rays = np.empty((height, width, 3), dtype=np.float32)
    rays[:, :, 0] = (np.arange(width) + 0.5 - width / 2)[None, :] / focal
    rays[:, :, 1] = (np.arange(height) + 0.5 - height / 2)[:, None] / focal
    rays[:, :, 2] = 1.0
    return rays


def _meet(rays: _Floats, frame: _Floats, origin: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Return where each ray meets the sleeve's plane, in sides of the sleeve, and at which depth."""
    right, down, normal = frame
    depth = (origin @ normal) / (rays @ normal)
    return depth * (rays @ right) - origin @ right, depth * (rays @ down) - origin @ down, depth


def _corners(frame: _Floats, origin: _Floats, *, focal: float, size: tuple[int, int]) -> Quad:
    right, down, _ = frame
    corners = np.stack([origin, origin + right, origin + right + down, origin + down])
    return np.asarray(corners[:, :2] / corners[:, 2:] * focal + np.array(size) / 2, dtype=np.float32)


def _side_of(quad: Quad) -> float:
    return float(np.linalg.norm(quad - np.roll(quad, 1, axis=0), axis=1).mean())


def _sampled(cover: Pixels, u: _Floats, v: _Floats, *, side_px: float) -> _Floats:
    """Return the linear colours of the cover at these places, filtered to the size at which it is seen."""
    side = max(16, min(cover.shape[0], round(side_px * 1.2)))
    small = np.asarray(Image.fromarray(cover).resize((side, side), Image.Resampling.LANCZOS))
    linear = (small / np.float32(255)) ** np.float32(_GAMMA)
    x, y = np.clip(u * side - 0.5, 0, side - 1.001), np.clip(v * side - 0.5, 0, side - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    far_x, far_y = (x - left)[:, None], (y - top)[:, None]
    upper = linear[top, left] * (1 - far_x) + linear[top, left + 1] * far_x
    lower = linear[top + 1, left] * (1 - far_x) + linear[top + 1, left + 1] * far_x
    return np.asarray(upper * (1 - far_y) + lower * far_y, dtype=np.float32)


def _table(rays: _Floats, *, rng: np.random.Generator) -> _Floats:
    """Return the linear colours of a table: waves of wood, tiles, or a shelf of spines."""
    x, y = rays[:, :, 0], rays[:, :, 1]
    turn = rng.uniform(0, pi)
    along, across = x * cos(turn) + y * sin(turn), y * cos(turn) - x * sin(turn)
    one, two = rng.uniform(0.03, 0.7, (2, 3)).astype(np.float32)
    kind = rng.integers(0, 3)
    if kind == 0:
        wobble = 0.05 * np.sin(along * rng.uniform(3, 15))
        mixture = 0.5 + 0.5 * np.sin((across + wobble) * rng.uniform(30, 160))
    elif kind == 1:
        size = rng.uniform(0.04, 0.3)
        mixture = ((np.floor(along / size) + np.floor(across / size)) % 2).astype(np.float32)
    else:
        spines = np.floor(along / rng.uniform(0.02, 0.09)).astype(np.intp)
        colours = rng.uniform(0.02, 0.8, (512, 3)).astype(np.float32)
        lettered = np.sin(across * 90 + spines * 1.7) * np.sin(along * 240) > rng.uniform(0.3, 0.95)
        table = colours[spines % 512]
        table[lettered] = 1 - table[lettered]
        return table
    rough = rng.normal(1, 0.05, x.shape).astype(np.float32)
    table = (one + (two - one) * (mixture * rng.uniform(0.2, 1))[:, :, None]) * rough[:, :, None]
    return np.asarray(np.clip(table, 0, 1), dtype=np.float32)


def _with_stickers(cover: Pixels, *, share: float, rng: np.random.Generator) -> Pixels:
    """Return the cover with round price stickers on a share of its area."""
    image = Image.fromarray(cover)
    draw, side, left = ImageDraw.Draw(image), cover.shape[0], share
    while left > 0.002:
        part = min(left, rng.uniform(0.02, 0.08))
        left -= part
        radius = side * sqrt(part / pi)
        x, y = rng.uniform(radius, side - radius, 2)
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=tuple(rng.integers(120, 256, 3).tolist()))
        draw.text((x - radius / 2, y), "9.99", fill=(0, 0, 0))
    return np.asarray(image)


def _lamp(
    rays: _Floats,
    depth: _Floats,
    frame: _Floats,
    albedo: _Floats,
    *,
    inside: npt.NDArray[np.bool_],
    difficulty: Difficulty,
    rng: np.random.Generator,
) -> _Floats:
    """Return the light that reaches the sensor: diffuse everywhere, and specular on the glossy sleeve."""
    normal = frame[2]
    points = rays * depth[:, :, None]
    # The lamp is placed so that its mirror image falls on the sleeve.
    mirrored = np.median(points[inside], axis=0) + 0.35 * rng.uniform(-1, 1, 3)
    outwards = mirrored / np.linalg.norm(mirrored)
    reflected = outwards - 2 * (outwards @ normal) * normal
    lamp = mirrored + reflected * rng.uniform(1.0, 3.0)
    to_lamp = lamp - points
    to_lamp /= np.linalg.norm(to_lamp, axis=2, keepdims=True)
    diffuse = 0.55 + 0.45 * np.abs(to_lamp @ normal)
    halfway = to_lamp - rays / np.linalg.norm(rays, axis=2, keepdims=True)
    halfway /= np.linalg.norm(halfway, axis=2, keepdims=True)
    gloss = rng.uniform(0, difficulty.glare) * np.abs(halfway @ normal) ** rng.uniform(60, 400)
    power = rng.uniform(*difficulty.light) ** _GAMMA
    warm = np.array([1 + rng.uniform(-0.2, 0.25), 1.0, 1 + rng.uniform(-0.25, 0.2)])
    seen = albedo * diffuse[:, :, None] * power * warm
    return np.asarray(seen + (gloss * inside)[:, :, None], dtype=np.float32)


def _with_fingers(light: _Floats, quad: Quad, *, share: float, rng: np.random.Generator) -> _Floats:
    """Return the picture with capsules that reach over the sleeve's edge, on a share of the sleeve's area."""
    if share <= 0:
        return light
    height, width = light.shape[:2]
    side = _side_of(quad)
    mask = Image.new("L", (width, height), 0)
    draw, left = ImageDraw.Draw(mask), share * side * side
    start = int(rng.integers(0, 4))
    while left > 0:
        along = rng.uniform(0.05, 0.95)
        edge = quad[start] * along + quad[(start + 1) % 4] * (1 - along)
        inwards = (quad.mean(axis=0) - edge) / np.linalg.norm(quad.mean(axis=0) - edge)
        thick, reach = side * rng.uniform(0.07, 0.11), side * rng.uniform(0.1, 0.35)
        tip, root = edge + inwards * reach, edge - inwards * side
        draw.line([tuple(root), tuple(tip)], fill=255, width=round(thick))
        draw.ellipse((*(tip - thick / 2), *(tip + thick / 2)), fill=255)
        left -= thick * reach
    skin = np.array([0.75, 0.45, 0.32]) * rng.uniform(0.15, 1.0) * float(light.mean() / 0.25)
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(1.5)), dtype=np.float32)[:, :, None] / 255
    return np.asarray(light * (1 - soft) + skin * soft, dtype=np.float32)


def _developed(light: _Floats, *, difficulty: Difficulty, rng: np.random.Generator) -> Pixels:
    """Return the photograph: photon noise, a tone curve, blur, sometimes a small file, and JPEG."""
    photons = rng.uniform(800, 6000)
    counted = light + rng.normal(0, 1, light.shape) * np.sqrt(np.maximum(light, 0) / photons)
    toned = np.clip(counted, 0, 1) ** (1 / _GAMMA) * 255
    image = Image.fromarray(toned.astype(np.uint8))
    image = image.filter(ImageFilter.BoxBlur(rng.uniform(0, difficulty.blur_px)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(40, 90)))
    return np.asarray(Image.open(file).convert("RGB"))

"""Photographs a cover with OpenCV: projects the cover's corners, and warps the picture onto a background.

This generator shares no function with `ray_camera`, so that what is fitted on one can be judged on the other.
"""

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.identify.difficulty import LONG_PX, SHORT_PX, Difficulty, Photograph, Pixels, Quad

NAME = "warping"
_FOCAL = 1.1
_Floats = npt.NDArray[np.float32]


def photograph(cover: Pixels, *, difficulty: Difficulty, seed: int) -> Photograph:
    """Return a photograph of a cover; the same seed gives the same photograph."""
    rng = np.random.default_rng([1, seed])
    width, height = (LONG_PX, SHORT_PX) if rng.random() < 0.5 else (SHORT_PX, LONG_PX)
    quad = _projected_corners(width, height, difficulty=difficulty, rng=rng)
    scene = _background(width, height, rng=rng)
    _lay_on(scene, cover, quad, rng=rng)
    _cover_parts(scene, quad, share=difficulty.covered, rng=rng)
    light = _lit(scene.astype(np.float32), quad, difficulty=difficulty, rng=rng)
    exposed = _exposed(light, blur_px=difficulty.blur_px, rng=rng)
    return Photograph(_compressed(exposed, rng=rng), quad, difficulty, NAME, seed)


def _projected_corners(width: int, height: int, *, difficulty: Difficulty, rng: np.random.Generator) -> Quad:
    """Return the corners of a tilted and rolled square whose area leaves the wanted share of background."""
    tilt = np.deg2rad(difficulty.tilt_deg * rng.uniform(0.4, 1.0))
    roll = np.deg2rad(difficulty.roll_deg * rng.uniform(-1.0, 1.0))
    axis_angle = rng.uniform(0, 2 * np.pi)
    tilted, _ = cv2.Rodrigues(tilt * np.array([np.cos(axis_angle), np.sin(axis_angle), 0.0]))
    rolled, _ = cv2.Rodrigues(np.array([0.0, 0.0, roll]))
    square = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    turned = square @ (tilted @ rolled).T
    focal = _FOCAL * max(width, height)
    wanted = (1 - difficulty.background + rng.uniform(-0.04, 0.04)) * width * height
    distance = focal / np.sqrt(wanted)
    for _ in range(6):
        flat = focal * turned[:, :2] / (turned[:, 2:] + distance)
        distance *= np.sqrt(cv2.contourArea(flat.astype(np.float32)) / wanted)
    low, high = flat.min(axis=0), flat.max(axis=0)
    room = np.array([width, height]) - (high - low)
    # A sleeve that is larger than the photograph is centred; at most a corner is cut off.
    shift = np.where(room > 0, rng.uniform(0.1, 0.9, 2) * room, 0.5 * room) - low
    return np.asarray(flat + shift, dtype=np.float32)


def _background(width: int, height: int, *, rng: np.random.Generator) -> Pixels:
    """Return a table or floor: a grain, and on half of the photographs other things that lie there."""
    colour = rng.uniform(30, 220, 3) * 0.5 + rng.uniform(30, 220) * 0.5
    cells = (int(rng.integers(2, 40)), int(rng.integers(8, 120)))
    grain = cv2.resize(
        rng.normal(0, 1, cells).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    rough = colour + grain[:, :, None] * rng.uniform(4, 28) + rng.normal(0, 3, (height, width, 1))
    scene: Pixels = np.ascontiguousarray(np.clip(rough, 0, 255)).astype(np.uint8)
    for _ in range(int(rng.integers(0, 14)) if rng.random() < 0.6 else 0):
        _draw_thing(scene, rng=rng)
    return scene


def _draw_thing(scene: Pixels, *, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
    size = (int(rng.integers(20, 260)), int(rng.integers(20, 260)))
    colour = [int(value) for value in rng.integers(0, 256, 3)]
    kind = rng.integers(0, 3)
    if kind == 0:
        box = cv2.boxPoints((centre, size, float(rng.uniform(0, 180)))).astype(np.int32)
        cv2.fillPoly(scene, [box], colour, lineType=cv2.LINE_AA)
    elif kind == 1:
        cv2.ellipse(scene, centre, size, float(rng.uniform(0, 180)), 0, 360, colour, -1, lineType=cv2.LINE_AA)
    else:
        text = "".join(chr(letter) for letter in rng.integers(65, 91, 7))
        cv2.putText(
            scene, text, centre, cv2.FONT_HERSHEY_DUPLEX, rng.uniform(0.5, 2.5), colour, 2, cv2.LINE_AA
        )


def _lay_on(scene: Pixels, cover: Pixels, quad: Quad, *, rng: np.random.Generator) -> None:
    """Warp the cover onto the scene, with a shadow around it."""
    height, width = scene.shape[:2]
    side = cover.shape[0]
    # Shrinking first avoids aliasing, because warpPerspective does not average over areas.
    seen_side = int(np.sqrt(cv2.contourArea(quad)))
    if seen_side < side:
        cover = cv2.resize(cover, (seen_side, seen_side), interpolation=cv2.INTER_AREA).astype(np.uint8)
        side = seen_side
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(corners, quad - 0.5)
    laid = cv2.warpPerspective(cover, warp, (width, height), flags=cv2.INTER_CUBIC)
    mask = cv2.warpPerspective(np.ones((side, side), np.float32), warp, (width, height))[:, :, None]
    shadow = cv2.GaussianBlur(mask, (0, 0), rng.uniform(4, 14))[:, :, None]
    shifted = np.roll(shadow, rng.integers(-9, 10, 2).tolist(), axis=(0, 1))
    ground = scene * (1 - rng.uniform(0.1, 0.6) * shifted)
    scene[:] = np.clip(ground * (1 - mask) + laid * mask, 0, 255)


def _cover_parts(scene: Pixels, quad: Quad, *, share: float, rng: np.random.Generator) -> None:
    """Draw thumbs over the sleeve's edges and stickers on it, until a share of its area is covered."""
    area = cv2.contourArea(quad)
    wanted = share * area * rng.uniform(0.8, 1.0)
    done = 0.0
    while done < wanted:
        part = min(wanted - done, area * rng.uniform(0.03, 0.12)) + 1.0
        done += part
        along = rng.uniform(0, 1)
        start = int(rng.integers(0, 4))
        edge = quad[start] * along + quad[(start + 1) % 4] * (1 - along)
        inside = edge + (quad.mean(axis=0) - edge) * rng.uniform(0.0, 0.9)
        if rng.random() < 0.6:
            tone = rng.uniform(0.35, 1.0)
            # Half of a thumb at the edge lies outside the sleeve.
            wide = np.sqrt(part / np.pi * 1.2)
            place = (int(edge[0]), int(edge[1]))
            angle = np.rad2deg(np.arctan2(*(quad.mean(axis=0) - edge)[::-1]))
            axes = (int(wide * 1.7), int(wide * 0.8))
            skin = [int(225 * tone), int(172 * tone), int(140 * tone)]
            cv2.ellipse(scene, place, axes, float(angle), 0, 360, skin, -1, cv2.LINE_AA)
        else:
            side = int(np.sqrt(part))
            box = cv2.boxPoints(
                ((float(inside[0]), float(inside[1])), (side, side), float(rng.uniform(0, 90)))
            )
            paper = [int(value) for value in rng.integers(90, 256, 3)]
            cv2.fillPoly(scene, [box.astype(np.int32)], paper, cv2.LINE_AA)


def _lit(scene: _Floats, quad: Quad, *, difficulty: Difficulty, rng: np.random.Generator) -> _Floats:
    """Return the scene with another brightness, colour cast and fall-off of light, and with glare."""
    height, width = scene.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    direction = rng.uniform(0, 2 * np.pi)
    slope = np.cos(direction) * (x / width - 0.5) + np.sin(direction) * (y / height - 0.5)
    gain = rng.uniform(*difficulty.light) * (1 + rng.uniform(0, 0.5) * slope)
    cast = 1 + rng.uniform(-0.12, 0.12, 3).astype(np.float32)
    seen = scene * gain[:, :, None] * cast
    weights = rng.dirichlet(np.ones(4))
    spot = weights @ quad
    radius = rng.uniform(0.05, 0.18, 2) * max(width, height)
    distance = ((x - spot[0]) / radius[0]) ** 2 + ((y - spot[1]) / radius[1]) ** 2
    glare = 255 * rng.uniform(0, difficulty.glare) * np.exp(-distance)[:, :, None]
    return np.asarray(seen + glare, dtype=np.float32)


def _exposed(scene: _Floats, *, blur_px: float, rng: np.random.Generator) -> Pixels:
    """Return the scene with blur of focus or motion, and with the noise of a sensor."""
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, max(blur_px, 0.31)))
    else:
        length = 2 * int(np.ceil(blur_px * rng.uniform(0.5, 1.5))) + 1
        line = np.zeros((length, length), np.float32)
        line[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D((length // 2, length // 2), float(rng.uniform(0, 180)), 1.0)
        kernel = cv2.warpAffine(line, turn, (length, length))
        blurred = cv2.filter2D(scene, -1, kernel / kernel.sum())
    noisy = blurred + rng.normal(0, 1, scene.shape) * rng.uniform(1, 5)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _compressed(pixels: Pixels, *, rng: np.random.Generator) -> Pixels:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 92))]
    _, file = cv2.imencode(".jpg", pixels[:, :, ::-1], quality)
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[:, :, ::-1]).astype(np.uint8, copy=False)

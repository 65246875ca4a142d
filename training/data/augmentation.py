"""Simulates photographs of covers with tensor operations that are fast enough for every training step.

All operations run on the device of the pictures; the random generator must be on the same device.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_MOST_TURN_RAD = 0.2
_MOST_SKEW = 0.07
_MOST_CROP = 0.1
_CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def plain_views(pixels: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return pictures (n, 3, h, w) in 0..1 with slightly changed brightness."""
    light = _uniform((len(pixels), 1, 1, 1), 0.95, 1.05, generator)
    return (pixels * light).clamp(0, 1)


def photographed_views(pixels: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return simulated hand-held photographs: tilted, cropped, blurred and noisy pictures with glare."""
    seen = _tilted(pixels, generator)
    seen = _lit(seen, generator)
    seen = _glared(seen, generator)
    seen = _blurred(seen, generator)
    noise = torch.randn(seen.shape, generator=generator, device=generator.device)
    noise *= _uniform((len(seen), 1, 1, 1), 0, 0.03, generator)
    return (seen + noise).clamp(0, 1)


def mixed_views(pixels: Tensor, *, photographed: float, generator: torch.Generator) -> Tensor:
    """Turn randomly selected pictures into photographs, and change the other pictures only slightly."""
    by_lot = _uniform((len(pixels), 1, 1, 1), 0, 1, generator) < photographed
    return torch.where(
        by_lot,
        photographed_views(pixels, generator=generator),
        plain_views(pixels, generator=generator),
    )


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def _tilted(pixels: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = pixels.shape
    grid = _window_grid(count, height, width, generator)
    seen = functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    inside = (grid.abs() <= 1).all(dim=-1).unsqueeze(1)
    table = _uniform((count, 1, 1, 1), 0.1, 0.9, generator)
    return torch.where(inside, seen, table)


def _window_grid(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Return the positions (n, h, w, 2) at which to sample pictures for rotated, skewed and cropped views."""
    on = generator.device
    turn = _uniform((count, 1), -_MOST_TURN_RAD, _MOST_TURN_RAD, generator)
    keep = _uniform((count, 1, 1), 1 - _MOST_CROP, 1.03, generator)
    corners = _CORNERS.to(on) + _uniform((count, 4, 2), -2 * _MOST_SKEW, 2 * _MOST_SKEW, generator)
    x, y = corners[..., 0], corners[..., 1]
    turned = torch.stack([x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()], dim=-1)
    homography = _homographies(turned * keep)
    across = (torch.arange(width, device=on) + 0.5) / width * 2 - 1
    down = (torch.arange(height, device=on) + 0.5) / height * 2 - 1
    level = torch.ones(height, width, device=on)
    plane = torch.stack([across.expand(height, -1), down[:, None].expand(-1, width), level])
    seen = (homography @ plane.reshape(3, -1)).reshape(count, 3, height, width)
    return (seen[:, :2] / seen[:, 2:]).permute(0, 2, 3, 1)


def _homographies(windows: Tensor) -> Tensor:
    """Return, for each window, the homography that maps the corners of the square -1..1 to its corners."""
    corners = _CORNERS.to(windows.device)
    x, y = corners[:, 0].expand(len(windows), -1), corners[:, 1].expand(len(windows), -1)
    u, v = windows[..., 0], windows[..., 1]
    one, none = torch.ones_like(x), torch.zeros_like(x)
    upper = torch.stack([x, y, one, none, none, none, -u * x, -u * y], dim=-1)
    lower = torch.stack([none, none, none, x, y, one, -v * x, -v * y], dim=-1)
    solved = torch.linalg.solve(torch.cat([upper, lower], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([solved, torch.ones(len(windows), 1)], dim=1).reshape(-1, 3, 3)


def _lit(pixels: Tensor, generator: torch.Generator) -> Tensor:
    count = len(pixels)
    bright = _uniform((count, 1, 1, 1), 0.78, 1.17, generator) * _uniform(
        (count, 3, 1, 1), 0.94, 1.06, generator
    )
    contrast = _uniform((count, 1, 1, 1), 0.8, 1.12, generator)
    middle = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return ((pixels - middle) * contrast + middle) * bright


def _glared(pixels: Tensor, generator: torch.Generator) -> Tensor:
    count, _, height, width = pixels.shape
    at = _uniform((count, 2, 1, 1), 0, 1, generator)
    radius = _uniform((count, 1, 1), 0.2, 0.5, generator)
    strength = _uniform((count, 1, 1), 0, 0.5, generator)
    across = torch.linspace(0, 1, width, device=pixels.device)[None, None, :]
    down = torch.linspace(0, 1, height, device=pixels.device)[None, :, None]
    distance = ((across - at[:, 0]) ** 2 + (down - at[:, 1]) ** 2).sqrt()
    spot = ((1 - distance / radius).clamp(0, 1) * strength).unsqueeze(1)
    return pixels * (1 - spot) + spot


def _blurred(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Blur each picture by mixing it, in a random proportion, with a blurred copy."""
    softer = functional.avg_pool2d(functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = _uniform((len(pixels), 1, 1, 1), 0, 0.8, generator)
    return pixels * (1 - share) + softer * share

"""The plain implementation: transformers' `CLIPModel` and `CLIPProcessor` in eager mode and fp32.

python -m benchmarks.encoder.transformers_eager MODEL_FOLDER      prints the memory of one process
"""

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor
from transformers.utils import logging as transformers_logging

from benchmarks.clients.pictures import jpeg

Vectors = npt.NDArray[np.float32]


class EagerClip:
    """Computes unit vectors of images and texts with the code in the documentation of transformers."""

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        logging: Any = transformers_logging  # this module and the models' methods have no annotations
        logging.disable_progress_bar()
        model: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32)
        self._model = model.eval().to(device)
        self._device = device
        self._processor: Any = CLIPProcessor.from_pretrained(folder)

    def images(self, files: Sequence[bytes]) -> Vectors:
        """Return the vectors of image files, shape (n, 512)."""
        opened = [Image.open(BytesIO(file)).convert("RGB") for file in files]
        return self._unit(self._model.get_image_features, images=opened)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (n, 512)."""
        return self._unit(self._model.get_text_features, text=list(texts), padding=True, truncation=True)

    def pixels(self, file: bytes) -> torch.Tensor:
        """Decode and preprocess one image file, and return the model's input."""
        opened = Image.open(BytesIO(file)).convert("RGB")
        values: torch.Tensor = self._processor.image_processor(opened, return_tensors="pt")["pixel_values"]
        return values

    def vectors_of(self, pixels: torch.Tensor) -> Vectors:
        """Return the vectors of preprocessed pixels."""
        with torch.inference_mode():
            return _normalised(self._model.get_image_features(pixel_values=pixels.to(self._device)))

    def _unit(self, features: Any, **inputs: Any) -> Vectors:
        with torch.inference_mode():
            prepared = self._processor(return_tensors="pt", **inputs).to(self._device)
            return _normalised(features(**prepared))


def _normalised(output: Any) -> Vectors:
    unit: Vectors = torch.nn.functional.normalize(output.pooler_output, dim=-1).cpu().numpy()
    return unit


def main(folder: Path) -> None:
    """Encode one image and one text, and print this process's memory in megabytes."""
    clip = EagerClip(folder)
    clip.images([jpeg(640, 640, seed=1)])
    clip.texts(["ten words or so"])
    print(json.dumps({"rss_mb": psutil.Process().memory_info().rss / 1e6}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

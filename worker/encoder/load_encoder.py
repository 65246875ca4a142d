"""Loads the encoder that the settings select, or reads only the size of its input."""

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from common.errors import ModelUnavailable
from worker.encoder.checkpoint import INSTALL_TORCH, read_config
from worker.encoder.model_files import ModelSource, find_model
from worker.encoder.openvino.export_cache import exported
from worker.encoder.preprocessing import read_preprocessing
from worker.encoder.protocol import Encoder, Precision
from worker.encoder.stand_in_encoder import FixedLatencyEncoder

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

EncoderChoice: TypeAlias = Literal["auto", "openvino", "torch", "fixed"]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The fingerprint of a model, and the side of its square input in pixels."""

    fingerprint: str
    size_px: int


def read_model_input(model: str, *, kind: EncoderChoice) -> ModelInput:
    """Return the input of a model without loading the model.

    Raises:
        ModelUnavailable: the model cannot be found or fetched, or is not suitable.
    """
    if kind == "fixed":
        return ModelInput(FixedLatencyEncoder.model_fingerprint, FixedLatencyEncoder.input_size_px)
    source = find_model(model)
    return ModelInput(source.fingerprint, read_preprocessing(source.folder).size_px)


def load_encoder(
    model: str,
    *,
    kind: EncoderChoice = "auto",
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    side_by_side: bool = False,
    cuda_graphs: bool = True,
    cache_dir: Path,
    fixed_latency_s: float = 0.0,
) -> Encoder:
    """Load a CLIP model from a folder or, by its name, from the Hugging Face hub.

    With the kind `auto`, torch is used if it can use an NVIDIA GPU of this machine, else OpenVINO is used. If
    `precision` is `auto`, torch and OpenVINO compute in bfloat16 on devices that support it. Only OpenVINO
    supports int8 and two parallel forward passes (`side_by_side`). On a GPU, forward passes are captured as
    CUDA graphs unless `cuda_graphs` is false.

    Raises:
        ModelUnavailable: the model cannot be found, fetched or loaded, or is not suitable.
    """
    if kind == "fixed":
        return FixedLatencyEncoder(latency_s=fixed_latency_s)
    source = find_model(model)
    read_config(source.folder)
    on = _first_device(kind) if device == "auto" else device
    # Only the selected runtime is imported, because importing torch or OpenVINO takes a second.
    if kind == "torch" or (kind == "auto" and on != "cpu"):
        if precision == "int8":
            raise ModelUnavailable(
                "ENCODER_PRECISION=int8 is a mode of the openvino encoder; unset it or set ENCODER=openvino"
            )
        if not _has_torch():
            raise ModelUnavailable(f"ENCODER=torch needs torch and transformers: {INSTALL_TORCH}")
        return _torch_encoder(
            source, device=on, precision=precision, threads=threads, cuda_graphs=cuda_graphs
        )
    if on != "cpu":
        raise ModelUnavailable(f"the openvino encoder runs on the CPU and DEVICE is {on}; set ENCODER=torch")
    from worker.encoder.openvino.encoder import OpenVinoEncoder

    entry = exported(source, cache_dir=cache_dir, int8=precision == "int8")
    return OpenVinoEncoder(source, entry, precision=precision, threads=threads, side_by_side=side_by_side)


def _torch_encoder(
    source: ModelSource, *, device: str, precision: Precision, threads: int | None, cuda_graphs: bool
) -> Encoder:
    found = _torch_device(device)
    if found.type == "cuda":
        from worker.encoder.cuda.encoder import CudaEncoder

        return CudaEncoder(source, device=found, precision=precision, graphs=cuda_graphs)
    from worker.encoder.torch_encoder import TorchEncoder  # it imports transformers, which takes a second

    return TorchEncoder(source, threads=threads)


def _torch_device(name: str) -> "torch.device":
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelUnavailable(f"DEVICE is {name}; it is auto, cpu, cuda or cuda:N") from error
    if device.type not in {"cpu", "cuda"}:
        raise ModelUnavailable(f"DEVICE is {name}; it is auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelUnavailable(f"DEVICE is {name}, and torch sees {torch.cuda.device_count()} CUDA devices")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def _first_device(kind: EncoderChoice) -> str:
    """Return the first CUDA device if torch can use a CUDA device, otherwise the CPU."""
    if kind == "openvino" or not Path("/proc/driver/nvidia").exists():
        return "cpu"
    if not _has_torch():
        log.warning("this machine has a GPU, which only torch uses: %s", INSTALL_TORCH)
        return "cpu"
    import torch  # only if an NVIDIA driver is loaded, because the import takes a second

    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _has_torch() -> bool:
    return all(importlib.util.find_spec(package) is not None for package in ("torch", "transformers"))

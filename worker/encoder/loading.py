"""The choice of an encoder by settings, and its loading."""

import importlib.util
from pathlib import Path
from typing import Literal, TypeAlias

from common.errors import ModelUnavailable
from worker.encoder.cache import exported
from worker.encoder.checkpoint import check_config
from worker.encoder.fixed import FixedLatencyEncoder
from worker.encoder.protocol import Encoder
from worker.encoder.source import find_model

EncoderChoice: TypeAlias = Literal["auto", "onnx", "torch", "fixed"]


def load_encoder(
    model: str,
    *,
    kind: EncoderChoice = "auto",
    device: str = "auto",
    int8: bool = False,
    threads: int | None = None,
    cache_dir: Path,
    fixed_latency_s: float = 0.0,
) -> Encoder:
    """Load a CLIP by its folder or its name on the Hugging Face hub.

    `auto` takes torch on a machine with an NVIDIA GPU and a torch that can use it, else ONNX Runtime.

    Raises:
        ModelUnavailable: the model cannot be found, fetched, loaded, or is none that fits.
    """
    if kind == "fixed":
        return FixedLatencyEncoder(latency_s=fixed_latency_s)
    source = find_model(model)
    check_config(source.folder)
    on = _first_device(kind) if device == "auto" else device
    # either runtime takes a second to import and hundreds of megabytes: only the chosen one is
    if kind == "torch" or (kind == "auto" and on != "cpu"):
        if int8:
            raise ModelUnavailable("ENCODER_INT8 is a mode of the onnx encoder; unset it or set ENCODER=onnx")
        from worker.encoder.torch_encoder import TorchEncoder

        return TorchEncoder(source, device=on, threads=threads)
    if on != "cpu":
        raise ModelUnavailable(f"the onnx encoder runs on the CPU and DEVICE is {on}; set ENCODER=torch")
    from worker.encoder.onnx_encoder import OnnxEncoder

    entry = exported(source, cache_dir=cache_dir, int8=int8)
    return OnnxEncoder(source, entry, int8=int8, threads=threads)


def _first_device(kind: EncoderChoice) -> str:
    """Return the first CUDA device where there is one that torch can use, else the CPU."""
    if (
        kind == "onnx"
        or not Path("/proc/driver/nvidia").exists()
        or importlib.util.find_spec("torch") is None
    ):
        return "cpu"
    import torch  # only where a driver is loaded, for the reason above

    return "cuda:0" if torch.cuda.is_available() else "cpu"

"""Keywords that published code passes when it loads a model: what each means here, or what to use in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import torch

from speechgraft.checkpoint import Weights
from speechgraft.checkpoint.formats import SAFETENSORS, find_files
from speechgraft.errors import CheckpointError, InputError, RoutingError

Dtype = torch.dtype | Literal["auto"]

_ONLY: Final[Mapping[str, tuple[tuple[Any, ...], str]]] = MappingProxyType(
    {
        "low_cpu_mem_usage": ((True, None), "weights always go from their file to their place, without a copy between"),
        "trust_remote_code": (
            (False, None),
            "no code of a repository is ever run; install a plugin for the model",
        ),
        "use_safetensors": (
            (True, None),
            "safetensors are read if there are any, with True nothing else; from_tf and from_flax name others",
        ),
        "weights_only": ((True,), "of a pickle nothing but tensors is ever read"),
        "force_download": (
            (False,),
            "a file is downloaded again when it changes on the hub; delete it in the cache",
        ),
        "resume_download": ((True, None), "a download that was cut off always goes on where it ended"),
        "tie_encoder_decoder": ((False, None), "encoder and decoder have weights of their own, which begin alike"),
        "output_loading_info": ((False,), "model.load_report tells of each tensor"),
    }
)
"""Keywords with the values that say what is done anyway, and why there are no others."""

_REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "state_dict": "call load_state_dict on the model, or write a checkpoint",
        "use_auth_token": "pass token, its newer name",
        "proxies": "set the environment variable HTTPS_PROXY",
        "mirror": "set the environment variable HF_ENDPOINT",
        "variant": "rename the files to model.safetensors",
        "max_memory": "a model lies on one device: pass device",
        "offload_folder": "a model lies on one device: pass device",
        "offload_state_dict": "a model lies on one device: pass device",
        "offload_buffers": "a model lies on one device: pass device",
        "quantization_config": "pass dtype for half precision; other quantization is not offered here",
        "load_in_8bit": "pass dtype for half precision; other quantization is not offered here",
        "load_in_4bit": "pass dtype for half precision; other quantization is not offered here",
        "use_flash_attention_2": "pass attn_implementation='sdpa', which takes torch's own fused kernels",
        "tp_plan": "a model lies on one device: pass device",
        "adapter_kwargs": "load the adapter with peft, once the model is there",
        "key_mapping": "write the names into the plugin's weight map",
        "gguf_file": "convert the file to safetensors first",
        "from_pt": "weights of PyTorch are what is read; leave it out",
    }
)
"""Keywords that mean nothing here, with what to do."""


class Placing(NamedTuple):
    """What a call says of the parameters."""

    dtype: Dtype | None
    device: torch.device | str
    attention: str | Mapping[str, str] | None
    safetensors: bool
    """Whether weights of any other kind are refused."""


def taken_out_of(options: dict[str, Any], dtype: Dtype | str | None, device: torch.device | str) -> Placing:
    """Take the published keywords of loading out of `options`, and give what they say.

    Args:
        options: Of a call; what is left belongs to the config and the class.
        dtype: Of the parameters, by its own keyword, which `torch_dtype` may stand for.
        device: Where they go, by its own keyword, which `device_map` may stand for.

    Raises:
        RoutingError: A keyword means nothing here; the message says what to use instead.
        InputError: A value cannot be used.
    """
    safetensors = options.get("use_safetensors") is True
    for name, (values, why) in _ONLY.items():
        if options.get(name, values[0]) not in values:
            raise RoutingError(f"{name}={options[name]!r} is not offered: {why}")
        options.pop(name, None)
    for name, instead in _REFUSED.items():
        if options.pop(name, None) is not None:
            raise RoutingError(f"{name} is not offered: {instead}")
    if "torch_dtype" in options:
        if dtype not in (None, "auto"):
            raise RoutingError("dtype and torch_dtype were passed together; they are one option")
        dtype = options.pop("torch_dtype") or dtype
    if "device_map" in options:
        device = _device(options.pop("device_map"), device)
    return Placing(_dtype(dtype), device, options.pop("attn_implementation", None), safetensors)


def refuse_other_weights(folder: Path, weights: Weights) -> None:
    """Refuse a folder whose weights are no safetensors, before they are read.

    Raises:
        CheckpointError: They are pickles, TensorFlow's or Flax's.
    """
    found = find_files(folder, weights)
    if found is not None and found[0] is not SAFETENSORS:
        raise CheckpointError(
            f"{folder}: the weights are in {found[0].single}, but use_safetensors=True asks for {SAFETENSORS.single}: "
            "leave it out, or write safetensors by `speechgraft convert`"
        )


def _dtype(value: Dtype | str | None) -> Dtype | None:
    """A type, which may be given by its name."""
    if value is None or value == "auto" or isinstance(value, torch.dtype):
        return value  # type: ignore[return-value]
    found = getattr(torch, value.removeprefix("torch.")) if isinstance(value, str) and hasattr(torch, value) else None
    if not isinstance(found, torch.dtype):
        raise InputError(f"dtype={value!r}, expected a torch.dtype, its name, or 'auto'")
    return found


def _device(value: Any, default: torch.device | str) -> torch.device | str:
    """The one device of a device map."""
    devices = {str(place) for place in value.values()} if isinstance(value, Mapping) else {str(value)}
    if value is None:
        return default
    if len(devices) != 1 or devices & {"auto", "balanced", "balanced_low_0", "sequential", "disk"}:
        raise RoutingError(f"device_map={value!r} is not offered: a model lies on one device, pass device='cuda:0'")
    name = devices.pop()
    return f"cuda:{name}" if name.isdigit() else name

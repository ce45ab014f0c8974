"""What runs an exported program: onnxruntime, or torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

from speechgraft.checkpoint.formats import plain_file
from speechgraft.errors import CheckpointError, MissingExtraError
from speechgraft.export.ports import SUFFIXES, Ports, Size, Target


class Runnable(ABC):
    """A program that can be called.

    Attributes:
        ports: What it takes and gives.
    """

    ports: Ports

    @abstractmethod
    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Its results, in the order of its ports, for inputs in theirs."""


class OnnxProgram(Runnable):
    """A program in onnxruntime, on the CPU.

    Args:
        path: The file.
        ports: What it takes and gives.

    Raises:
        CheckpointError: The file is missing or broken, or takes or gives something else.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, ports: Ports) -> None:
        self.ports = ports
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise CheckpointError(f"{path}: onnxruntime cannot read it ({str(error)[:300]})") from error
        for side, known in (("inputs", self._session.get_inputs()), ("outputs", self._session.get_outputs())):
            found, told = [each.name for each in known], [port.name for port in getattr(ports, side)]
            if found != told:
                raise CheckpointError(f"{path}: its {side} are {found}, but the description says {told}")
            for each, port in zip(known, getattr(ports, side), strict=True):
                if not _agree(each.shape, port.shape):
                    raise CheckpointError(
                        f"{path}: {port.name} has the sizes {each.shape}, but the description says {list(port.shape)}"
                    )

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """See `Runnable`."""
        named = {port.name: value.contiguous().numpy() for port, value in zip(self.ports.inputs, inputs, strict=True)}
        return [torch.from_numpy(value) for value in self._session.run(None, named)]


class TorchProgram(Runnable):
    """A program of `torch.export`.

    Args:
        path: The file. Reading it can run what it says: it must be trusted.
        ports: What it takes and gives.

    Raises:
        CheckpointError: The file is missing or broken.
    """

    def __init__(self, path: Path, ports: Ports) -> None:
        self.ports = ports
        try:
            exported = torch.export.load(path)
        except Exception as error:
            raise CheckpointError(f"{path}: torch.export cannot read it ({str(error)[:300]})") from error
        self._structure = exported.call_spec.in_spec
        self._module = exported.module()

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """See `Runnable`."""
        args, named = _pytree.tree_unflatten(list(inputs), self._structure)
        return _pytree.tree_leaves(self._module(*args, **named))


def opened(folder: Path, name: str, ports: Ports, target: Target) -> Runnable:
    """The program of that name in a folder.

    Raises:
        CheckpointError: It is missing, broken, or a link out of the folder.
        MissingExtraError: What runs it is not installed.
    """
    path = plain_file(folder, name + SUFFIXES[target])
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    return OnnxProgram(path, ports) if target == "onnx" else TorchProgram(path, ports)


def _agree(found: Sequence[Any], told: Sequence[Size]) -> bool:
    """Whether sizes are the same where both are numbers."""
    pairs = zip(found, told, strict=False)
    return len(found) == len(told) and all(
        isinstance(one, str) or isinstance(two, str) or one == two for one, two in pairs
    )


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtraError("running ONNX programs", "onnxruntime", "export") from None
    return onnxruntime

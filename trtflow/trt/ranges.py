"""Dynamic ranges of tensors on a weakly typed network: INT8 without Q/DQ, which TensorRT has up to 10.x."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trtflow.data import Array
from trtflow.errors import BackendError
from trtflow.text import counted, listed
from trtflow.trt.capabilities import Capabilities
from trtflow.trt.profile import RETURNED

FLOATS = {"FLOAT", "HALF", "BF16"}
"""TensorRT's types of tensors that INT8 may stand in for."""


@dataclass(frozen=True)
class Coverage:
    """Ranges held against a network, each name as its side says it.

    ``given``: tensors that have one. ``without``: float tensors that have none; TensorRT computes layers at them in
    floats and says no word. ``unmatched``: ranges whose tensor the network lacks.
    """

    given: tuple[str, ...]
    without: tuple[str, ...]
    unmatched: tuple[str, ...]

    @property
    def says(self) -> str:
        """In a sentence, for the log and the report."""
        all_of_them = len(self.given) + len(self.without)
        parts = [f"{len(self.given)} of {counted(all_of_them, 'float tensor')} have a range"]
        if self.without:
            parts.append(f"TensorRT computes in floats at the rest ({listed(self.without)})")
        if self.unmatched:
            parts.append(f"{counted(len(self.unmatched), 'range')} of no tensor ({listed(self.unmatched)})")
        return "; ".join(parts)


def require_implicit(able: Capabilities, what: str) -> None:
    """Refuse ``what``, ranges or calibrators, where INT8 is said by Q/DQ pairs only.

    Raises:
        BackendError: this version has no implicit quantization.
    """
    if not (able.dynamic_ranges and able.calibrators):
        raise BackendError(
            f"{able.says} takes no {what}: they ended with TensorRT 10.16. INT8 is said there by Q/DQ pairs in the "
            "model, which the steps quantize and rewrite write; leave it out of the options, or use TensorRT 8.6 to "
            "10.16 with 'typing: weak'."
        )


def float_tensors(network: Any) -> Iterator[Any]:
    """The tensors of ``network`` that hold floats on the device: its inputs, then what its layers give."""
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    outputs = [layer.get_output(index) for layer in _layers(network) for index in range(layer.num_outputs)]
    for tensor in (*inputs, *outputs):
        if tensor is not None and tensor.dtype.name in FLOATS and tensor.is_execution_tensor:
            yield tensor


def cover(ranges: Collection[str], tensors: Collection[str]) -> Coverage:
    """Which of ``tensors``, a network's float ones, are among the names of ``ranges``."""
    used = {name: onnx_name(name, ranges) for name in tensors}
    return Coverage(
        given=tuple(name for name, found in used.items() if found in ranges),
        without=tuple(name for name, found in used.items() if found not in ranges),
        unmatched=tuple(name for name in ranges if name not in set(used.values())),
    )


def onnx_name(name: str, known: Collection[str]) -> str:
    """``name`` of a network's tensor as the ONNX file has it: an input that is an output too was renamed."""
    return name if name in known else name.removeprefix(RETURNED)


def constant_ranges(network: Any, constants: Mapping[str, Array]) -> dict[str, float]:
    """The largest magnitude of each of ``constants``, a model's by name, under the network's name for it.

    A calibrator sees constants, too; without a range a product with one stays in floats. What is zero has none.
    """
    floats = {name: array for name, array in constants.items() if array.dtype.kind == "f"}
    largest = {name: float(np.abs(array).max(initial=0)) for name, array in floats.items()}
    held = (layer for layer in _layers(network) if layer.type.name == "CONSTANT" and largest.get(layer.name))
    return {layer.get_output(0).name: largest[layer.name] for layer in held}


def _layers(network: Any) -> list[Any]:
    return [network.get_layer(index) for index in range(network.num_layers)]


def set_ranges(network: Any, ranges: Mapping[str, float]) -> Coverage:
    """Set the range ±amax of each float tensor of ``network`` that ``ranges``, ONNX tensor → amax, name.

    Raises:
        BackendError: TensorRT refuses a range.
    """
    tensors = {tensor.name: tensor for tensor in float_tensors(network)}
    coverage = cover(ranges, tensors)
    for name in coverage.given:
        amax, tensor = ranges[onnx_name(name, ranges)], tensors[name]
        if not tensor.set_dynamic_range(-amax, amax):
            raise BackendError(
                f"TensorRT refuses the range ±{amax:g} of '{name}'; expected a positive finite number: remove the "
                "tensor from the file of ranges, or calibrate again."
            )
    return coverage

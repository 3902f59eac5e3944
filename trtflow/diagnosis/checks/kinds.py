"""What an input is, by what reads it: neighbours are alike in pictures, sounds and volumes, and not in tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod
from typing import Literal

from onnx import ModelProto, NodeProto, helper

from trtflow.data import Port
from trtflow.model.first_layers import Reader
from trtflow.model.ports import declared_port, model_inputs

Kind = Literal["picture", "sound", "volume"]

COLOURS = (1, 3, 4)  # channels of a picture; more of them are features, bands, or an embedding
SIDE, LENGTH = 8, 256  # places along each axis of a picture or volume, and in a sound, at least


def kind_of(model: ModelProto, name: str, shape: tuple[int, ...], readers: Sequence[Reader]) -> Kind | None:
    """What ``model`` takes its input ``name`` for, of whose samples one has ``shape``; None where nothing tells.

    A sound is read by an STFT or in strides: a convolution that reads every place may be reading a table.
    """
    if _is_denoised(model, name):
        return None
    ranks = {reader.rank for reader in readers if _convolves(reader)}
    if len(shape) in (4, 5) and len(shape) in ranks and _is_pictured(shape):
        return "picture" if len(shape) == 4 else "volume"
    places = max(shape, default=0)
    row = len(shape) in (2, 3) and places >= LENGTH and prod(shape) <= 2 * places
    return "sound" if row and any(map(_reads_sound, readers)) else None


def _is_pictured(shape: tuple[int, ...]) -> bool:
    first, last = (shape[1], shape[2:]), (shape[-1], shape[1:-1])
    return any(channels in COLOURS and min(sides) >= SIDE for channels, sides in (first, last))


def _convolves(reader: Reader) -> bool:
    return reader.node.op_type in ("Conv", "ConvInteger", "QLinearConv", "ConvTranspose")


def _reads_sound(reader: Reader) -> bool:
    return reader.node.op_type in ("STFT", "DFT") or (
        _convolves(reader) and max(_strides(reader.node), default=1) > 1
    )


def _strides(node: NodeProto) -> Collection[int]:
    return next((helper.get_attribute_value(entry) for entry in node.attribute if entry.name == "strides"), ())


def _is_denoised(model: ModelProto, name: str) -> bool:
    """Whether noise is what is meant: one step of a diffusion, which is told the time and returns the same shape."""
    ports: dict[str, Port] = {port.name: port for port in model_inputs(model)}
    returned = [declared_port(value).shape for value in model.graph.output if value.type.tensor_type.elem_type]
    timed = any(len(port.shape) <= 1 and port.dtype.kind != "b" for other, port in ports.items() if other != name)
    return timed and ports[name].shape in returned

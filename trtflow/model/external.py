"""Which files beside an ONNX file hold its weights, told from its bytes: no onnx is loaded and no weight is read."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

# Message → field → message, on every way from a model to what its tensors say of other files (onnx.proto).
MESSAGES: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {13: "StringStringEntryProto"},
}
ENTRY, KEY, VALUE = "StringStringEntryProto", 1, 2
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # wire types


def external_files(path: Path) -> tuple[str, ...]:
    """The ``location`` of every tensor of the model in ``path`` that has one, in order of first use.

    Relative to the model's folder; whether such a file is there is not asked. Empty for what is no ONNX.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return ()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return tuple(dict.fromkeys(_locations(data, 0, len(data), "ModelProto")))
            except (ValueError, IndexError, RecursionError):
                return ()


def _locations(data: mmap.mmap, start: int, end: int, message: str) -> Iterator[str]:
    if message == ENTRY:
        texts = {field: data[begin:stop] for field, begin, stop in _fields(data, start, end)}
        if texts.get(KEY) == b"location":
            yield texts.get(VALUE, b"").decode()
        return
    below = MESSAGES[message]
    for field, begin, stop in _fields(data, start, end):
        if field in below:
            yield from _locations(data, begin, stop, below[field])


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message that has a length.

    Raises:
        ValueError: these bytes are no message.
    """
    while start < end:
        tag, start = _varint(data, start)
        kind, stop = tag & 7, start
        if kind == LENGTH:
            size, start = _varint(data, start)
            stop = start + size
            if stop > end:
                raise ValueError("a field ends behind its message")
            yield tag >> 3, start, stop
        elif kind == VARINT:
            _, stop = _varint(data, start)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            stop = start + (8 if kind == EIGHT_BYTES else 4)
        else:
            raise ValueError("not a message of protobuf")
        start = stop


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    """The number at ``place``, seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place

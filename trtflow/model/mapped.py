"""Weights in a file that sessions map, so that models and sessions share them instead of holding copies.

ONNX Runtime maps what a model keeps beside itself, and lets go of it where it makes a form of its own for its
kernels. A model that comes as bytes has no folder: here places are told from the root of the file system on.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import tempfile
import weakref
from pathlib import Path

import onnx

from trtflow.model.edit import with_initializers

SMALL = 1 << 14
"""Elements up to which a tensor stays in the model: optimisers look at the values of small ones."""
_PAGE = 4096


class MappedWeights:
    """A temporary file with the large weights of models, each of them once. It is there as long as this object."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="trtflow-weights-")).resolve()
        self._file = folder / "weights"
        self._delete = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._places: dict[bytes, int] = {}
        self._end = 0

    def __enter__(self) -> MappedWeights:
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the file; sessions that are open keep what they have mapped."""
        self._delete()

    def light(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """A copy of ``model`` whose large weights lie in the file; ``values`` and sessions find them there."""
        return with_initializers(model, self._moved)

    def _moved(self, tensor: onnx.TensorProto) -> onnx.TensorProto:
        content = _content(tensor)
        if content is None:
            return tensor
        digest = hashlib.sha256(content).digest()
        if digest not in self._places:
            with self._file.open("ab") as file:
                file.write(content)
                file.write(bytes(-len(content) % _PAGE))
            self._places[digest] = self._end
            self._end += len(content) + -len(content) % _PAGE
        found = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        found.data_location = onnx.TensorProto.EXTERNAL
        place = self._file.relative_to(self._file.anchor).as_posix()
        for key, value in {"location": place, "offset": self._places[digest], "length": len(content)}.items():
            found.external_data.add(key=key, value=str(value))
        return found


def root() -> str:
    """From where on the places of weights are told."""
    return Path(tempfile.gettempdir()).resolve().anchor


def read_back(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """``tensor``, which lies in a file, with its values."""
    place = {entry.key: entry.value for entry in tensor.external_data}
    with (Path(root()) / place["location"]).open("rb") as file:
        file.seek(int(place["offset"]))
        content = file.read(int(place["length"]))
    return onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims, raw_data=content)


def weight_bytes(model: onnx.ModelProto) -> int:
    """The bytes of the large weights of ``model``, wherever they lie."""
    return sum(map(large_bytes, model.graph.initializer))


def large_bytes(tensor: onnx.TensorProto) -> int:
    """The bytes of ``tensor`` where it is a large weight, else 0."""
    count: int = math.prod(tensor.dims)
    if count <= SMALL or tensor.data_type == onnx.TensorProto.STRING:
        return 0
    return count * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)


def _content(tensor: onnx.TensorProto) -> bytes | None:
    """What the file holds of ``tensor``; None where it stays in the model, or lies in a file already."""
    if not large_bytes(tensor) or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    if tensor.HasField("raw_data"):
        return bytes(tensor.raw_data)
    return onnx.numpy_helper.to_array(tensor).tobytes() if tensor.data_type == onnx.TensorProto.FLOAT else None

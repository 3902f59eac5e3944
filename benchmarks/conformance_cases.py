"""The models of onnx.backend.test that ship in the onnx wheel, each with inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test

DATA = Path(onnx.backend.test.__file__).parent / "data"
FOLDERS = ("simple", "pytorch-operator", "pytorch-converted")


@dataclass(frozen=True)
class Case:
    """A model, and values for its inputs in order (arrays, lists for sequences, None for empty optionals)."""

    name: str
    kind: str
    model: onnx.ModelProto
    inputs: tuple[Any, ...]

    def feed(self) -> dict[str, Any]:
        """The inputs by name."""
        weights = {tensor.name for tensor in self.model.graph.initializer}
        names = [value.name for value in self.model.graph.input]
        if len(names) != len(self.inputs):
            names = [name for name in names if name not in weights]
        return dict(zip(names, self.inputs, strict=False))


def cases() -> Iterator[Case]:
    """All of them: operators, small models, PyTorch exports, and the real networks with stand-in weights."""
    yield from _operators()
    for folder in FOLDERS:
        for path in sorted((DATA / folder).iterdir()):
            yield _from_folder(path, folder)
    for path in sorted((DATA / "light").glob("*.onnx")):
        yield _real(path)


def _operators() -> Iterator[Case]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    for case in found:
        if case.model is not None and case.data_sets:
            yield Case(case.name, "node", case.model, tuple(_array(value) for value in case.data_sets[0][0]))


def _array(value: Any) -> Any:
    """What the collection holds in protobuf form as arrays and lists."""
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return onnx.numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return onnx.numpy_helper.to_optional(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def _from_folder(path: Path, kind: str) -> Case:
    model = onnx.load(path / "model.onnx")
    files = sorted((path / "test_data_set_0").glob("input_*.pb"), key=lambda p: int(p.stem.split("_")[1]))
    values = list(model.graph.input)[: len(files)]
    return Case(path.name, kind, model, tuple(_read(f, v) for f, v in zip(files, values, strict=True)))


def _read(path: Path, value: onnx.ValueInfoProto) -> Any:
    if value.type.HasField("sequence_type"):
        sequence = onnx.SequenceProto.FromString(path.read_bytes())
        return onnx.numpy_helper.to_list(sequence)
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def _real(path: Path) -> Case:
    model = onnx.load(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    rng = np.random.default_rng(0)
    inputs = []
    for value in model.graph.input:
        if value.name not in weights:
            shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            inputs.append(rng.random(shape, dtype=np.float32))
    for value in [v for v in model.graph.input if v.name in weights]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, 4)
    return Case(path.stem, "real", model, tuple(inputs))

"""Cases as people have them: a model, data and a config in a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from conformance_cases import Case, cases
from onnx.external_data_helper import uses_external_data

SHARED = Path(__file__).parents[2] / "shared" / "cases"
"""Reports from the field, beside the repository where somebody has them."""
LOWS = ("fp16", "bf16", "int8")
ACCEPT = {"fp16": "{sqnr: {min: 30}}", "bf16": "{sqnr: {min: 30}}", "int8": "{sqnr: {min: 15}}"}

_CONFIG = """trtflow: 1
workflow: debug-fp16
with:
  model: model.onnx
  data: {{source: 'data.py:samples', allow-nonfinite: [inputs, outputs]}}
  accept: {accept}
{steps}"""
_ONE_SAMPLE = "steps: {check: {with: {allow: [R18]}}}\n"
_DATA = '''"""The test set of the case."""

import json
from pathlib import Path

import onnx

HERE = Path(__file__).parent


def samples():
    names = json.loads((HERE / "inputs.json").read_text())
    yield {name: onnx.numpy_helper.to_array(onnx.load_tensor(HERE / file)) for name, file in names.items()}
'''


@dataclass(frozen=True)
class Project:
    """Where a case can become a folder with a config. ``shared``: the script that writes it; ``file``: its model."""

    name: str
    kind: str
    case: Case | None = None
    shared: Path | None = None
    file: Path | None = None

    @property
    def lows(self) -> tuple[str, ...]:
        """The precisions that it is run in: INT8 where a MatMul or a Conv is."""
        if self.case is None:
            return LOWS[:1] if self.name.startswith("int8") else LOWS[:2]  # those say themselves what they run
        return LOWS if {"Conv", "MatMul"} & {node.op_type for node in self.case.model.graph.node} else LOWS[:2]

    def write(self, folder: Path, low: str) -> list[tuple[Path, str | None, tuple[str, ...]]]:
        """The config, the workflow and the overrides of each run, once everything lies in ``folder``."""
        if self.case is not None:
            config = _write(self.case, folder, low)
            if self.file is not None:
                _copy(self.file, self.case.model, folder)
            return [(config, f"debug-{'int8' if low == 'int8' else 'fp16'}", (f"with.low={low}",))]
        subprocess.run([sys.executable, str(self.shared), str(folder)], check=True, capture_output=True)  # noqa: S603
        found = sorted(folder.rglob("c.yaml"))
        return [
            (path, None, () if "debug-int8" in path.read_text() else (f"with.low={low}",))
            for path in found
            if low == "fp16" or "debug-int8" not in path.read_text()
        ]


def projects(models: Path | None = None) -> Iterator[Project]:
    """Everything that is run, or else each ONNX file below ``models``, fed with random values of its shapes."""
    if models is not None:
        for path in sorted(models.rglob("*.onnx")):
            case = _random(onnx.load(path, load_external_data=False), path.relative_to(models))
            yield Project(case.name, case.kind, case, file=path)
        return
    for case in cases():
        yield Project(case.name, case.kind, case)
    for script in sorted(SHARED.glob("*-*.py")):
        yield Project(script.stem, "shared", shared=script)


def _write(case: Case, folder: Path, low: str) -> Path:
    onnx.save(case.model, folder / "model.onnx")
    files = {}
    for index, (name, value) in enumerate(case.feed().items()):
        if value is not None and not isinstance(value, list):  # sequences are refused before data are read
            files[name] = f"{index}.pb"
            onnx.save_tensor(_tensor(value), folder / files[name])
    (folder / "inputs.json").write_text(json.dumps(files))
    (folder / "data.py").write_text(_DATA)
    config = folder / "c.yaml"
    config.write_text(_CONFIG.format(accept=ACCEPT[low], steps=_ONE_SAMPLE if low == "int8" else ""))
    return config


def _tensor(value: Any) -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.asarray(value))


def _random(model: onnx.ModelProto, path: Path) -> Case:
    """What the file at ``path`` holds, with values for what it must be fed: free dimensions are 2."""
    generator = np.random.default_rng(0)
    weights = {tensor.name for tensor in model.graph.initializer}
    values: list[Any] = []
    for value in model.graph.input:
        declared = value.type.tensor_type
        if value.name not in weights and declared.elem_type:
            dims = declared.shape.dim
            shape = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else 2 for dim in dims]
            drawn = np.asarray(generator.normal(size=shape))
            values.append(drawn.astype(onnx.helper.tensor_dtype_to_np_dtype(declared.elem_type)))
    return Case(str(path), path.parts[0] if len(path.parts) > 1 else "file", model, tuple(values))


def _copy(file: Path, model: onnx.ModelProto, folder: Path) -> None:
    """The file as it is, and the files of its weights."""
    shutil.copyfile(file, folder / "model.onnx")
    for tensor in filter(uses_external_data, model.graph.initializer):
        place = next(Path(entry.value) for entry in tensor.external_data if entry.key == "location")
        if (file.parent / place).exists():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.parent / place, folder / place)

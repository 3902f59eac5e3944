"""Where a GPU rounds: whole networks in FP16 by PyTorch, eager and fused, against the two roundings of the emulator.

``fusion.py [NAME ...] [--out FILE]`` takes the networks that ``fidelity_networks.py`` packed (``--models``), executes
the FP16 file of each node by node and by ``torch.compile``, and prints two tables: end metrics, and errors at the end
of each unit. A GPU is needed; ``--device cpu`` proves the script where there is none.

The tensors at the ends of units are handed out for the second table, which takes away the fusion across units but
not inside them. An eager convolution of PyTorch rounds before it adds its bias; ``tensor, bias apart`` does so, too.
Inductor leaves convolutions and matrix products to libraries and fuses what follows them, as ``products apart``.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx
from fusion_table import WAYS, Row, ends_table, units_table
from fusion_torch import Execute, Outputs, Torch
from onnx import helper, numpy_helper

from trtflow.data import Array, Feed
from trtflow.emulation import fusion
from trtflow.errors import TrtflowError
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.edit import clone, replace_nodes
from trtflow.model.scopes import Key
from trtflow.model.selection import tapped
from trtflow.model.types import infer
from trtflow.model.units import LINEAR, Unit, found_units, inner_tensors, readers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FLOAT_TYPES, FP16, FP32
from trtflow.rewriting.promotion import legalized
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import EmulatedRunner, Rounding
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.inspect import inspect

MODELS = Path(__file__).parents[1] / ".gpu"
_MAGIKA = "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_"
KEPT: Mapping[str, Sequence[str]] = {
    "unet": ("/down0/conv0/Conv", "/down0/bn0/BatchNormalization"),
    "magika": tuple(
        _MAGIKA + node for node in ("0/Square_1", "0/Sub", "0/Sum", "0/Sum_1", "1/Square", "1/Sum_1", "1/truediv_1")
    ),
}
"""What stays in FP32 of networks that FP16 breaks, by the plans that ``trtflow run`` accepted on a GPU."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--models", type=Path, default=MODELS, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=Path("out/fusion.md"), metavar="FILE")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--units", nargs="*", metavar="NAME", help="networks of the second table; all unless given")
    parser.add_argument("--seconds", type=float, default=230, help="end what runs then")
    parser.add_argument("--jobs", type=int, default=5, help="networks at a time")
    parser.add_argument(
        "--row", nargs=2, metavar=("NAME", "FILE"), help="measure this network alone, as a child does"
    )
    options = parser.parse_args()
    folders = [path.parent for path in sorted(options.models.glob("models-*/*/model.onnx.xz"), key=_size)]
    wanted = options.row[:1] if options.row else options.names
    folders = [folder for folder in folders if not wanted or folder.name in wanted]
    if not folders:
        parser.error(f"there are no such networks in {options.models}: benchmarks/fidelity_networks.py packs them")
    if options.row:
        for row in measured(folders[0], options):
            Path(options.row[1]).write_text(json.dumps(asdict(row)), encoding="utf-8")
        return 0
    options.out.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.jobs) as pool:
        deadline = began + options.seconds
        waiting = [pool.submit(apart, folder, Path(scratch), deadline) for folder in folders]
        for done in as_completed(waiting):
            row = done.result()
            rows[row.name] = row
            ordered = [rows[folder.name] for folder in folders if folder.name in rows]
            options.out.write_text(f"{ends_table(ordered)}\n{units_table(ordered)}", encoding="utf-8")
            print(f"{row.name}: {row.failed or 'done'}, {time.monotonic() - began:.0f} s", flush=True)
    print(options.out.read_text(encoding="utf-8"))
    return 0


def apart(folder: Path, scratch: Path, deadline: float) -> Row:
    """The row of a network, measured in a process of its own, which ends at the ``deadline``."""
    file, left = scratch / f"{folder.name}.json", deadline - time.monotonic()
    command = [sys.executable, str(Path(__file__)), *sys.argv[1:], "--row", folder.name, str(file)]
    environment = {"TORCHINDUCTOR_COMPILE_THREADS": "4", "OMP_NUM_THREADS": "4", **os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - this script
            command, capture_output=True, text=True, check=False, timeout=max(left, 0.1), env=environment
        )
    except subprocess.TimeoutExpired:
        return read(file) if file.is_file() else Row(folder.name, failed="no time left")
    if done.returncode:
        return Row(folder.name, failed=" ".join(done.stderr.split())[-300:])
    return read(file)


def read(file: Path) -> Row:
    """The row that a child wrote last."""
    return Row(**json.loads(file.read_text(encoding="utf-8")))


def _size(path: Path) -> int:
    return path.stat().st_size


def measured(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """The row of one network, as far as it is known; it says why where there is none."""
    try:
        yield from _measured(folder, options)
    except Exception as error:  # one network must not end the others
        kind = "" if isinstance(error, TrtflowError) else f"{type(error).__name__}: "
        yield Row(folder.name, failed=f"{kind}{' '.join(str(error).split())[:300]}")


def _measured(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "model.onnx")
        file.write_bytes(lzma.decompress((folder / "model.onnx.xz").read_bytes()))
        model = inspect(file)[0].model
    feeds = list(feeds_of(folder, model))[: options.samples]
    plan = PrecisionPlan(FP16, dict.fromkeys(KEPT.get(folder.name, ()), FP32))
    case = Case(model, legalized(analyse(model), plan).plan, feeds, options.device, options.backend)
    units_wanted = options.units is None or folder.name in options.units
    taps = tuple(name for name in unit_ends(model) if name in _made(case.typed)) if units_wanted else ()
    with ReferenceRunner(model, taps=taps) as runner:
        exact = _all(runner, feeds)
    names = [value.name for value in model.graph.output if exact[0][value.name].dtype.kind == "f"]
    ends = {way: sqnr(exact, case.outputs(way), names) for way in WAYS}
    if not units_wanted:
        yield Row(folder.name, ends)
        return
    yield Row(folder.name, ends, failed="no time left")
    try:
        made = {way: case.outputs(way, taps)[0] for way in WAYS}
        units = {way: [relative(exact[0][name], found[name]) for name in taps] for way, found in made.items()}
    except Exception as error:  # the ends are known, at least
        yield Row(folder.name, ends, failed=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    else:
        yield Row(folder.name, ends, units)


@dataclass(frozen=True)
class Case:
    """A network in FP16 by ``plan``, executed for ``feeds`` in all the ``WAYS``."""

    model: onnx.ModelProto
    plan: PrecisionPlan
    feeds: Sequence[Feed]
    device: str
    backend: str

    @cached_property
    def typed(self) -> onnx.ModelProto:
        """The file that a user gets."""
        return rewrite(self.model, self.plan).model

    def outputs(self, way: str, taps: tuple[str, ...] = ()) -> list[Outputs]:
        """What comes out for each feed, ``taps`` behind the model's own outputs."""
        if way in ("eager", "compiled"):
            with Torch(tapped(self.typed, taps), self.device, self.backend if way == "compiled" else "") as execute:
                return _all(execute, self.feeds)
        apart = way.endswith("apart")
        model = bias_apart(self.model) if apart else self.model
        plan = with_biases(self.plan, model) if apart else self.plan
        rounding: Rounding = "unit" if way in ("unit", "products apart") else "tensor"
        patched = products_apart() if way == "products apart" else nullcontext()
        with patched, EmulatedRunner(model, plan, rounding, taps) as runner:
            return _all(runner, self.feeds)


def _all(execute: Execute, feeds: Sequence[Feed]) -> list[Outputs]:
    return [{name: np.array(value) for name, value in execute(feed).items()} for feed in feeds]


def feeds_of(folder: Path, model: onnx.ModelProto) -> Iterator[Feed]:
    for file in sorted((folder / "data").glob("*.npz")):
        with np.load(file) as held:
            yield {
                value.name: held[value.name].astype(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
                for value in model.graph.input
                if value.name in held.files
            }


def unit_ends(model: onnx.ModelProto) -> list[str]:
    """The float tensors of the main graph that leave units of several nodes or of one, in their order."""
    analysis = analyse(model)
    users, types = readers(analysis), infer(model)
    outputs = {value.name for value in model.graph.output}
    ends = []
    for unit in found_units(analysis):
        inner = inner_tensors(analysis, unit, users)
        for name in unit.nodes:
            scope, node = analysis.by_name[name]
            left = [one for one in node.output if one and (scope.path, one) not in inner and one not in outputs]
            ends += [one for one in left if not scope.path and types.of(scope, one).elem in FLOAT_TYPES]
    return ends


@contextmanager
def products_apart() -> Iterator[None]:
    """Let units of the emulator round what a convolution or matrix product ends, and fold nothing into it."""

    def inner(analysis: Analysis, unit: Unit, users: dict[Key, list[str]]) -> frozenset[Key]:
        products = [analysis.by_name[name] for name in unit.nodes if analysis.by_name[name][1].op_type in LINEAR]
        return inner_tensors(analysis, unit, users) - {scope.key(node.output[0]) for scope, node in products}

    with patch.object(fusion, "inner_tensors", inner), patch.object(fusion, "FOLDS_INTO", frozenset()):
        yield


def bias_apart(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with each convolution's bias, where it is constant, added by a node of its own."""
    copy = clone(model)
    held = {tensor.name: tensor for tensor in copy.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in copy.graph.node:
        nodes.append(node)
        if node.op_type in ("Conv", "ConvTranspose") and len(node.input) == 3 and node.input[2] in held:
            bias = numpy_helper.to_array(held[node.input[2]])
            rank = len(held[node.input[1]].dims) if node.input[1] in held else 4
            shape, name = (-1,) + (1,) * (rank - 2), f"{node.name}__bias"
            copy.graph.initializer.append(numpy_helper.from_array(bias.reshape(shape), name))
            nodes.append(helper.make_node("Add", [f"{name}_before", name], [node.output[0]], f"{name}_add"))
            node.output[0] = f"{name}_before"
            del node.input[2]
    replace_nodes(copy.graph, nodes)
    return copy


def with_biases(plan: PrecisionPlan, model: onnx.ModelProto) -> PrecisionPlan:
    """``plan`` with each bias of ``bias_apart`` in the precision of its convolution."""
    added = {node.name: plan.nodes.get(node.name.removesuffix("__bias_add")) for node in model.graph.node}
    biases = {name: kept for name, kept in added.items() if kept and name.endswith("__bias_add")}
    return PrecisionPlan(plan.default, {**plan.nodes, **biases})


def _made(model: onnx.ModelProto) -> set[str]:
    return {name for node in model.graph.node for name in node.output}


def sqnr(exact: Sequence[Outputs], found: Sequence[Outputs], names: Sequence[str]) -> float:
    """In dB over all samples and float outputs; −inf where something is not finite."""
    samples = list(zip(exact, found, strict=True))
    pairs = [(one[name].astype(np.float64), other[name]) for name in names for one, other in samples]
    noise = sum(float(np.square(one - other).sum()) for one, other in pairs)
    signal = sum(float(np.square(one).sum()) for one, _ in pairs)
    if not np.isfinite(noise):
        return -np.inf
    return float(10 * np.log10(signal / noise)) if noise and signal else np.inf


def relative(exact: Array, found: Array) -> float:
    """‖found − exact‖ / ‖exact‖ where FP32 is finite; infinite where FP16 is not."""
    finite = np.isfinite(exact)
    expected = exact[finite].astype(np.float64)
    error = float(np.linalg.norm(found[finite].astype(np.float64) - expected))
    norm = float(np.linalg.norm(expected))
    return error / norm if np.isfinite(error) and norm else (0.0 if not error else np.inf)


if __name__ == "__main__":
    sys.exit(main())

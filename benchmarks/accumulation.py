"""Tensor cores against ``numerics.tensor_core`` and the emulated graph, bit for bit. It needs a GPU (Hopper).

Here, once, to carry along real layers' operands (needs ``pip install tokenizers``)::

    python benchmarks/accumulation.py capture models/fetched/accumulation.npz

and on the GPU machine::

    python benchmarks/accumulation.py measure models/fetched/accumulation.npz

Each line is one product: how many of its elements a kernel and the rule have in common, bit for bit, and for FP16
sums how many a kernel and the emulated graph have. A table of kernels and depths ends it.
``python benchmarks/accumulation.py instructions`` prints what the kernels compile to, which takes Triton and no GPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from accumulation_table import Compared, same, share, summary
from numpy.typing import NDArray
from onnx import TensorProto, helper

from trtflow.emulation.emulate import instrument
from trtflow.model.session import create_session
from trtflow.numerics.formats import round_to
from trtflow.numerics.tensor_core import FP8_FAST, FP8_PROMOTED, FP16_IN_FP16, FP16_IN_FP32, Accumulator, multiply
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP8, FP16, ROWS
from trtflow.runners.graph_side import handed_out
from trtflow.runners.reference import ReferenceRunner

SIDE = 64  # rows and columns of each product
DEPTHS = (16, 64, 256, 1024, 4096)
PADDED = 128  # what K is filled up to with zeros, which change no sum
Matrix = NDArray[np.float32]
Multiply = Callable[[Matrix, Matrix, str, str, int | None, int], Matrix]


@dataclass(frozen=True)
class Kind:
    """A kernel, and the rule that it should follow."""

    name: str
    rule: Accumulator
    dtype: str
    sums: str
    imprecise: int | None
    block: int

    def __call__(self, on_gpu: Multiply, a: Matrix, b: Matrix) -> Matrix:
        return on_gpu(a, b, self.dtype, self.sums, self.imprecise, self.block)


KINDS = (
    Kind("FP16 in FP32, mma", FP16_IN_FP32, "float16", "float32", None, 16),
    Kind("FP16 in FP32, wgmma", FP16_IN_FP32, "float16", "float32", None, 64),
    Kind("FP16 in FP16, mma", FP16_IN_FP16, "float16", "float16", None, 16),
    Kind("FP16 in FP16, wgmma", FP16_IN_FP16, "float16", "float16", None, 64),
    Kind("FP8, fast", FP8_FAST, "float8_e4m3fn", "float32", None, 64),
    Kind("FP8, promoted", FP8_PROMOTED, "float8_e4m3fn", "float32", 128, 64),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["capture", "measure", "instructions"])
    parser.add_argument("file", type=Path, nargs="?", default=Path("models/fetched/accumulation.npz"))
    parser.add_argument("--models", type=Path, default=Path("models/fetched"))
    options = parser.parse_args()
    if options.what == "capture":
        arrays: dict[str, Any] = dict(captured(options.models))
        np.savez_compressed(options.file, **arrays)
    elif options.what == "instructions":
        instructions()
    else:
        measure(options.file)


def instructions() -> None:
    """Print what each kernel multiplies with."""
    from accumulation_kernel import instruction

    say("| kernel | instruction |")
    say("|---|---|")
    for kind in KINDS:
        say(f"| {kind.name} | {instruction(kind.dtype, kind.sums, kind.imprecise, kind.block)} |")


def measure(file: Path) -> None:
    """Print a line for each product and kind, as they come; a kind that does not run here says why once."""
    from accumulation_kernel import machine
    from accumulation_kernel import multiply as on_gpu

    found: list[Compared] = []
    say(machine())
    say("| kernel | operands | K | equal to the rule | equal to the emulated graph | not finite | seconds |")
    say("|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for name, a, b in (*random_products(), *real_products(file)):
            started = time.perf_counter()
            try:
                one = compared(kind, on_gpu, a, b)
            except Exception as error:
                say(f"| {kind.name} | {name} | | {type(error).__name__}: {str(error).splitlines()[:1]} | | | |")
                break
            found.append(one)
            cells = f"{one.depth} | {share(one.rule)} | {share(one.graph)} | {one.infinite:d}"
            say(f"| {kind.name} | {name} | {cells} | {time.perf_counter() - started:.1f} |")
    say("")
    say(summary(found))


def compared(kind: Kind, on_gpu: Multiply, a: Matrix, b: Matrix) -> Compared:
    """A product on both sides, of operands that fit ``kind``."""
    left, right = fitted(kind.rule, a, b)
    found = kind(on_gpu, left, right)
    graph = same(found, in_graph(left, right)) if kind.rule == FP16_IN_FP16 else np.empty(0, bool)
    rule = same(found, multiply(left, right, kind.rule))
    return Compared(kind.name, a.shape[1], rule, graph, int(np.count_nonzero(~np.isfinite(found))))


def in_graph(a: Matrix, b: Matrix) -> Matrix:
    """What the emulator makes of the product of ``a`` and ``b`` with sums in FP16."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in ("a", "b", "y")]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["y"], "n")], "g", ends[:2], ends[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = create_session(instrument(model, PrecisionPlan(FP16), accumulation=FP16))
    (y,) = session.run(None, {"a": a, "b": b})
    return np.asarray(y)


def random_products() -> Iterator[tuple[str, Matrix, Matrix]]:
    """Name, left and right operand of products of random numbers, of every depth."""
    for depth in DEPTHS:
        rng = np.random.default_rng(depth)
        a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((SIDE, depth), (depth, SIDE)))
        wide = [np.ldexp(x, rng.integers(-8, 9, x.shape)).astype(np.float32) for x in (a, b)]
        yield "normal", a, b
        yield "positive", np.abs(a), np.abs(b)
        yield "wide", wide[0], wide[1]
        yield "subnormal", a * 2.0**-16, b
        if depth >= 1024:
            yield "overflow", np.full_like(a, 16), np.where(np.arange(depth) < depth // 2, 16, -16)[:, None] + b * 0


def real_products(file: Path) -> Iterator[tuple[str, Matrix, Matrix]]:
    """Those of real layers, where they were carried along."""
    if not file.exists():
        say(f"no {file}: make it by `capture` and carry it along")
        return
    with np.load(file) as held:
        for name in (key.removesuffix("|a") for key in held if key.endswith("|a")):
            yield name, held[f"{name}|a"].astype(np.float32), held[f"{name}|b"].astype(np.float32)


def fitted(rule: Accumulator, a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Operands in the rule's format, FP8 with a scale for the whole tensor, filled up with zeros."""
    deep = -a.shape[1] % PADDED
    sides = [np.pad(a, ((0, -a.shape[0] % SIDE), (0, deep))), np.pad(b, ((0, deep), (0, -b.shape[1] % SIDE)))]
    if rule.operands == FP8:
        sides = [x * (ROWS[FP8].largest / max(float(np.abs(x).max()), 1e-30)) for x in sides]
    left, right = (round_to(x.astype(np.float32), rule.operands) for x in sides)
    return left, right


def captured(folder: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """MiniLM's operands, rounded to FP16: the first and last product of each depth, ``SIDE`` rows and columns."""
    from int8_minilm import minilm

    task = minilm(folder)
    model = onnx.load(task.model)
    nodes = [node for node in model.graph.node if node.op_type == "MatMul"]
    made = {name for node in model.graph.node for name in node.output}
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    marked, names = handed_out(model, sorted({name for node in nodes for name in node.input} & made))
    with ReferenceRunner(marked) as runner:  # in FP16 all of it is NaN, and in a plan that holds these are FP32's
        found = {names.get(name, name): array for name, array in runner(task.evaluation[0].feed).items()}
    operands = {**weights, **found}
    seen: dict[tuple[int, bool], list[onnx.NodeProto]] = {}
    for node in nodes:
        depth = int(operands[node.input[0]].shape[-1])
        seen.setdefault((depth, node.input[1] in weights), []).append(node)
    for alike in seen.values():
        for node in {node.name: node for node in (alike[0], alike[-1])}.values():
            a, b = (operands[name] for name in node.input)
            yield f"{node.name}|a", half(a.reshape(-1, *a.shape[-2:])[0][:SIDE])
            yield f"{node.name}|b", half(b.reshape(-1, *b.shape[-2:])[0][:, :SIDE])


def half(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(ROWS[FP16].dtype)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The FP32 reference and the emulator's graph on the CPU and on the GPU: seconds a pass, and the largest difference.

Both graphs as they are, Cast pairs included, all layers handed out and outputs alone; TF32 off. Differences are
relative, root mean square, of the outputs, and ``equal`` counts layers that are equal bit for bit.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fidelity_network import opened
from fidelity_networks import TO, packed
from fidelity_placement import ON_CPU, ON_GPU
from fidelity_table import markdown
from int8_task import Array
from onnx import ModelProto

from trtflow.emulation.emulate import instrument
from trtflow.model.layers import layers
from trtflow.model.session import create_session, open_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.runners.graph_side import handed_out

PASSES = 5
HEADS = ("network", "graph", "read", "CPU ms", "GPU ms", "GPU, bound ms", "speedup", "outputs differ", "layers equal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=["unet", "ppocr-det", "minilm"], metavar="NAME")
    parser.add_argument("--models", type=Path, default=TO, metavar="FOLDER")
    parser.add_argument("--out", type=Path, help="write the table there, too")
    parser.add_argument("--stand-in", action="store_true", help="the CPU in the GPU's place")
    options = parser.parse_args()
    rows = []
    for folder in packed(options.models, options.names):
        for row in network(folder, ON_CPU if options.stand_in else ON_GPU):
            rows.append([folder.name, *row])
            print(" | ".join(rows[-1]), flush=True)
            if options.out:
                options.out.write_text("\n".join(markdown(HEADS, rows)) + "\n", encoding="utf-8")


def network(folder: Path, providers: Sequence[object]) -> list[list[str]]:
    """A line for each graph, with its outputs and with all layers."""
    case = opened(folder)
    feed = dict(case.samples[0].feed)
    tensors = [layer.tensor for layer in layers(case.model)]
    rows = []
    for name, plan in {"FP32": PrecisionPlan(FP32), "FP16 emulated": PrecisionPlan(FP16)}.items():
        graph = instrument(case.model, plan)
        for read, model in {"outputs": graph, "all layers": handed_out(graph, tensors)[0]}.items():
            rows.append([name, read, *measured(model, feed, providers, len(case.model.graph.output))])
    return rows


def measured(model: ModelProto, feed: dict[str, Array], providers: Sequence[object], outputs: int) -> list[str]:
    """Times and differences of one graph; ``outputs`` of it are the network's."""
    here, there = create_session(model), session(model, providers)
    cpu, gpu, bound = timed(lambda: here.run(None, feed)), timed(lambda: there.run(None, feed)), kept(there, feed)
    expected, found = here.run(None, feed), there.run(None, feed)
    differ = max(relative(a, b) for a, b in zip(expected[:outputs], found[:outputs], strict=True))
    equal = sum(same(a, b) for a, b in zip(expected, found, strict=True))
    times = [f"{1000 * seconds:.1f}" for seconds in (cpu, gpu, bound)]
    return [*times, f"{cpu / gpu:.1f}×", f"{differ:.1e}", f"{equal} of {len(expected)}"]


def session(model: ModelProto, providers: Sequence[object]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return open_session(model, options, providers)


def kept(there: Any, feed: dict[str, Array]) -> float:
    """Seconds of a pass whose outputs stay where they are computed."""
    binding, place = there.io_binding(), "cuda" if "CUDA" in there.get_providers()[0] else "cpu"
    for name, array in feed.items():
        binding.bind_cpu_input(name, np.ascontiguousarray(array))
    for output in there.get_outputs():
        binding.bind_output(output.name, place)
    return timed(lambda: there.run_with_iobinding(binding))


def timed(run: Callable[[], object]) -> float:
    """Seconds of a pass: the median of some, after two that warm up."""
    took = []
    for _ in range(2 + PASSES):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return float(np.median(took[2:]))


def relative(expected: Array, found: Array) -> float:
    """√(Σe² / Σr²) where both are finite; infinite where one is not."""
    if expected.dtype.kind != "f" or same(expected, found):
        return 0.0
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(found)):
        return math.inf
    one, other = (array[finite].astype(np.float64) for array in (expected, found))
    return math.sqrt(float(np.square(other - one).sum() / max(float(np.square(one).sum()), 1e-300)))


def same(a: Array, b: Array) -> bool:
    """Equal bit for bit, any NaN being equal to any."""
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


if __name__ == "__main__":
    main()

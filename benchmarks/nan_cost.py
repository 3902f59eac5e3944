"""What keeping NaN costs the emulator: passes with and without the guards of trtflow/emulation/nan.py.

    python benchmarks/nan_cost.py [--runs 40]

CPU milliseconds of one thread, the best of the runs, which take turns. "of old" guards pools alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nan_audio
import numpy as np
import onnx
import onnxruntime
from nan_axes import reduction
from nan_probe import Array, model_of

from trtflow.emulation import nan
from trtflow.emulation.emulate import instrument
from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan

UNET = Path(__file__).parents[1] / "models" / "unet" / "unet.onnx"
GUARDED = {
    "none": frozenset[str](),
    "of old": frozenset({"MaxPool", "GlobalMaxPool"}),
    "now": frozenset({*nan.MARKED_BY, *nan.THRESHOLDS}),
}
ALL_OF_THEM = nan._is_lossy


def cases() -> Iterator[tuple[str, onnx.ModelProto, dict[str, Array]]]:
    rng = np.random.default_rng(0)
    image = rng.random((1, 1, 256, 256), np.float32)
    yield "the U-Net of make run", prepare(onnx.load(UNET))[0], {"image": image}
    nan_audio.FRAMES, nan_audio.BANDS, nan_audio.CHANNELS = 512, 128, 32
    heard = rng.uniform(0.1, 2, (1, 1, 512, 128)).astype(np.float32)
    yield "audio, 512 × 128, 32 channels", nan_audio.audio_net("float32"), {"x": heard}
    silent = heard.copy()
    silent[..., 7:9, 3:6] = 0
    yield "the same with NaN inside", nan_audio.audio_net("float32"), {"x": silent}
    shapes = ((1, 64, 128, 128), (1, 2)), ((1, 64, 128, 128), (2, 3)), ((1, 12, 256, 256), (3,)), ((8, 1000), (1,))
    for shape, axes in shapes:
        model = model_of(reduction("ReduceMax", shape, axes), "float32")
        yield f"ReduceMax {list(axes)} of {list(shape)}", model, {"x": rng.standard_normal(shape, np.float32)}


def emulated(model: onnx.ModelProto, guarded: frozenset[str]) -> Callable[[dict[str, Array]], Any]:
    """A pass of ``model`` in FP16 with guards at the operators in ``guarded`` only."""
    nan._is_lossy = lambda node: node.op_type in guarded and ALL_OF_THEM(node)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    made = instrument(model, PrecisionPlan("fp16")).SerializeToString()
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    return lambda feed: session.run(None, feed)


def measure(model: onnx.ModelProto, feed: dict[str, Array], runs: int) -> dict[str, float]:
    passes = {name: emulated(model, guarded) for name, guarded in GUARDED.items()}
    best = dict.fromkeys(passes, float("inf"))
    for _ in range(runs + 1):
        for name, run in passes.items():
            start = time.thread_time()
            run(feed)
            best[name] = min(best[name], 1e3 * (time.thread_time() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    print(f"| {'pass':40} | {' | '.join(f'{name:>8}' for name in GUARDED)} | now / of old |")
    print(f"|{'-' * 42}|{'--------:|' * (len(GUARDED) + 1)}")
    for name, model, feed in cases():
        best = measure(model, feed, options.runs)
        figures = " | ".join(f"{milliseconds:8.3f}" for milliseconds in best.values())
        print(f"| {name:40} | {figures} | {best['now'] / best['of old']:12.2f} |", flush=True)


if __name__ == "__main__":
    main()

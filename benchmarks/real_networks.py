"""``trtflow run`` on networks that PyPI packages ship, and an independent check of each file that it publishes.

For each network: the exit status and verdict, the nodes that stay in FP32, the SQNR of the published file executed as
it is typed and its distance from that of the plan emulated on the original (they must agree), and whether an engine
was built. ``real_networks.py [NAME ...] [--low fp16|int8]``; the networks are in scripts/zoo.py.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from fetched import FOLDER, ROWS, Row, fetch
from zoo_feeds import Feed, feed

from trtflow.files.constraints import read_constraints
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner, TypedRunner
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.inspect import inspect

SAMPLES = 8
AGREE = 0.5  # dB
LIMIT = 900  # seconds for one network


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--low", choices=("fp16", "int8"), default="fp16")
    parser.add_argument("--keep", type=Path, help="keep configs, data and what runs leave in this folder")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.names or row.name in options.names]
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)).resolve()
        print(f"{'network':16} {'exit':>4} {'seconds':>7} {'kept':>5} {'SQNR':>6} {'apart':>6} {'built':>5}  verdict")
        apart = [one(row, folder / row.name, options.low) for row in rows]
    wrong = sum(value > AGREE for value in apart)
    print(f"{len(rows)} networks; {wrong} published files are more than {AGREE} dB from their plan")
    return 1 if wrong else 0


def one(row: Row, folder: Path, low: str) -> float:
    """Run one network and print its line; how far the published file is from its plan in dB."""
    fetch(row.package, FOLDER)
    feeds = [feed(row.feed, index, inputs(FOLDER / row.file)) for index in range(SAMPLES)]
    config = written(row, folder, feeds)
    began = time.monotonic()
    ran = run(config, folder, low)
    seconds = time.monotonic() - began
    metrics = folder / "out" / "metrics.json"
    said = json.loads(metrics.read_text()) if metrics.is_file() else {}
    figure, apart = check(row, folder / "out", feeds) if list((folder / "out").glob("*.mixed.onnx")) else (None, 0.0)
    shown = "-" if figure is None else f"{figure:.1f}"
    built, verdict = said.get("builds", "-"), said.get("sentence") or (ran.stdout.strip().split("\n") or [""])[-1]
    kept = len(said.get("kept", ()))
    print(
        f"{row.name:16} {ran.returncode:4} {seconds:7.1f} {kept:5} {shown:>6} {apart:6.2f} {built:>5}  {verdict}",
        flush=True,
    )
    return apart


def inputs(file: Path) -> tuple[str, ...]:
    """The names of a network's inputs."""
    graph = onnx.load(file, load_external_data=False).graph
    held = {tensor.name for tensor in graph.initializer}
    return tuple(value.name for value in graph.input if value.name not in held)


def written(row: Row, folder: Path, feeds: Sequence[Feed]) -> Path:
    """The config of a network, with its data beside it."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for index, arrays in enumerate(feeds):
        np.savez(folder / "data" / f"{index}.npz", **arrays)  # type: ignore[arg-type]
    config = folder / f"{row.name}.yaml"
    config.write_text(
        f"trtflow: 1\nworkflow: debug-fp16\nwith:\n  model: {FOLDER / row.file}\n"
        "  data: {source: data}\n  accept: {sqnr: {min: 30}}\n"
    )
    return config


def run(config: Path, folder: Path, low: str) -> subprocess.CompletedProcess[str]:
    """The command, as people give it, with a store of its own."""
    command = [sys.executable, "-m", "trtflow", "run", str(config), "--workflow", f"debug-{low}"]
    command += ["--out", str(folder / "out"), "--store", str(folder / "cache")]
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    (folder / "log.txt").write_text(done.stdout + done.stderr)
    return done


def check(row: Row, folder: Path, feeds: Sequence[Feed]) -> tuple[float, float]:
    """SQNR in dB of the published file executed as it is typed, and its distance from the emulated plan's."""
    (file,) = folder.glob("*.mixed.onnx")
    constraints = read_constraints(folder / "constraints.yaml")
    original = inspect(FOLDER / row.file)[0].model
    expected = outputs(ReferenceRunner(original), feeds)
    figure = sqnr(expected, outputs(TypedRunner(onnx.load(file)), feeds))
    if constraints.scales:  # with Q/DQ pairs the plan alone does not say what is computed
        return figure, 0.0
    planned = sqnr(expected, outputs(EmulatedRunner(original, constraints.plan), feeds))
    return figure, 0.0 if figure == planned else abs(figure - planned)


def outputs(runner: Runner, feeds: Iterable[Feed]) -> list[dict[str, np.ndarray]]:
    """What a runner makes of each sample."""
    with runner:
        return [{name: np.array(value) for name, value in runner(one).items()} for one in feeds]


def sqnr(expected: Sequence[dict[str, np.ndarray]], found: Sequence[dict[str, np.ndarray]]) -> float:
    """Of the worst floating-point output over all samples, in dB."""
    names = [name for name, value in expected[0].items() if value.dtype.kind == "f"]
    return min((decibel(*(joined(side, name) for side in (expected, found))) for name in names), default=math.nan)


def joined(side: Sequence[dict[str, np.ndarray]], name: str) -> np.ndarray:
    return np.concatenate([one[name].astype(np.float64).reshape(-1) for one in side])


def decibel(reference: np.ndarray, candidate: np.ndarray) -> float:
    finite = np.isfinite(reference)
    if not np.isfinite(candidate[finite]).all():
        return -math.inf
    noise = float(np.square(candidate[finite] - reference[finite]).sum())
    signal = float(np.square(reference[finite]).sum())
    return math.inf if not noise else 10 * math.log10(signal / noise) if signal else -math.inf


if __name__ == "__main__":
    sys.exit(main())

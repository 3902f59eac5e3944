"""How much memory a mark-all comparison takes, against what it was given.

    python benchmarks/memory.py [--networks unet mlp] [--budgets 256 512] [--samples 3]

Each case is a process of its own, which compares a tiny model first: what it holds then (VmRSS) is the baseline of
interpreter, libraries and their threads. ``peak`` is the largest resident memory from there on (VmHWM, which Linux
sets anew on request) minus that: the model as loaded, all sessions, and all tensors. ``plain``: the same for one
session of the model that runs each sample, nothing compared. ``used`` is peak over budget; where the comparison says
that the budget is too small, ``needs`` is what it asks for, and ``used`` is peak over that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx
from compare_cases import convolutions
from memory_nets import NETWORKS, samples, save

from trtflow.data import Sample
from trtflow.model.mapped import MappedWeights
from trtflow.model.session import create_session
from trtflow.tasks.compare import compare

MB = 1_000_000


def resident(name: str) -> int:
    """Bytes that this process holds by ``name``: VmRSS, or VmHWM, the most it has held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def forget_peak() -> None:
    """Let VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def child(network: str, file: Path, budget: int, count: int) -> None:
    """One case; its figures as JSON. Without a budget nothing is compared."""
    small = convolutions(1, 4, 8)
    compare(small, samples("", small, 1), memory=MB)
    forget_peak()
    base, start = resident("VmRSS"), time.perf_counter()
    held = MappedWeights()
    model = held.light(onnx.load(file)) if budget else onnx.load(file)
    data: list[Sample] = list(samples(network, model, count))
    if budget:
        layers = len(compare(model, data, memory=budget).layers)
    else:
        session, layers = create_session(model), 0
        for sample in data:
            session.run(None, sample.feed)
    print(json.dumps([resident("VmHWM") - base, time.perf_counter() - start, layers]))


def measure(network: str, file: Path, budget: int, count: int) -> tuple[float, float, int]:
    """Peak in bytes, seconds, and how many layers."""
    command = [sys.executable, __file__, "--child", network, str(file), str(budget), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    peak, seconds, layers = json.loads(done.stdout.splitlines()[-1])
    return peak, seconds, layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--budgets", nargs="*", type=int, default=[256, 512], help="MB")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        network, file, budget, count = options.child
        child(network, Path(file), int(budget), int(count))
        return
    print(f"{'network':12} {'file':>6} {'layers':>6} {'plain':>6} {'budget':>6} {'peak':>6} {'used':>6} {'s':>6}  MB")
    with tempfile.TemporaryDirectory() as folder:
        for network in options.networks:
            file = save(network, Path(folder))
            plain, _, _ = measure(network, file, 0, options.samples)
            for budget in options.budgets:
                peak, seconds, layers = measure(network, file, budget * MB, options.samples)
                print(f"{network:12} {file.stat().st_size / MB:6.1f} {layers:6} {plain / MB:6.0f} {budget:6} "
                      f"{peak / MB:6.0f} {peak / MB / budget:6.0%} {seconds:6.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

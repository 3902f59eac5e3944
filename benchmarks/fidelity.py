"""Emulator against GPU on real networks: verdicts at both ends and of the plan found, end metrics, errors of layers.

``fidelity.py [NAME ...] [--low fp16|bf16] [--out FILE]`` measures what ``fidelity_networks.py`` packed, several
networks at a time, and rewrites FILE.json and the table FILE.md after each. ``--stand-in``: the emulator in the GPU's
place, to prove the script where there is none. End metrics are of unmarked graphs, which ONNX Runtime fuses as it
does; layers are of graphs in which every tensor is handed out, which it cannot fuse.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from fidelity_networks import NETWORKS, TO, packed
from fidelity_table import table

CHILD = Path(__file__).with_name("fidelity_network.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--low", choices=("fp16", "bf16"), default="fp16")
    parser.add_argument("--out", type=Path, default=Path("out/fidelity"), metavar="FILE", help="without its ending")
    parser.add_argument("--models", type=Path, default=TO, metavar="FOLDER")
    parser.add_argument("--samples", type=int, default=2, help="on which layers are compared")
    parser.add_argument("--memory", type=int, default=4000, metavar="MB", help="for the layers of a network")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 4), help="networks at a time")
    parser.add_argument("--seconds", type=float, default=3600, help="begin nothing after that, and end what runs")
    parser.add_argument("--stand-in", action="store_true")
    options = parser.parse_args()
    folders = list(packed(options.models, options.names))
    if not folders:
        parser.error(f"there are no such networks in {options.models}: benchmarks/fidelity_networks.py packs them")
    words = ["--low", options.low, "--samples", str(options.samples), "--memory", str(options.memory)]
    words += ["--stand-in"] if options.stand_in else []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + options.seconds
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.jobs) as pool:
        waiting = {pool.submit(one, folder, Path(scratch), words, deadline): folder.name for folder in folders}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            ordered = {name: found[name] for name in NETWORKS if name in found}
            options.out.with_suffix(".json").write_text(json.dumps(ordered), encoding="utf-8")
            options.out.with_suffix(".md").write_text(table(ordered, options.low), encoding="utf-8")
            print(f"{waiting[done]}: {sum(found[waiting[done]].get('seconds', {}).values()):.0f} s", flush=True)
    print(table(ordered, options.low))
    return 0


def one(folder: Path, scratch: Path, words: Sequence[str], deadline: float) -> Mapping[str, Any]:
    """Measure a network in a process of its own; what it had written counts if it was cut off."""
    out, left = scratch / f"{folder.name}.json", deadline - time.monotonic()
    if left <= 0:
        return {"network": folder.name, "failed": "no time left"}
    failed = ""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [sys.executable, str(CHILD), str(folder), "--out", str(out), *words],
            capture_output=True,
            text=True,
            timeout=left,
            check=False,
        )
        failed = done.stderr[-600:] if done.returncode else ""
    except subprocess.TimeoutExpired:
        failed = "cut off"
    said = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {"network": folder.name}
    return {**said, "failed": failed} if failed else said


if __name__ == "__main__":
    sys.exit(main())

"""NaN, infinities and −0.0 through operators that select, compare, sort or squash, against IEEE 754.

    python benchmarks/nan_table.py [--save FOLDER]       ONNX Runtime's CPU provider and the emulator
    python benchmarks/nan_table.py --cuda FOLDER         ONNX Runtime's CUDA provider and PyTorch, in FP32 and FP16
    python benchmarks/nan_table.py --show FILE [FILE …]  what runs saved, side by side

--cuda needs numpy and onnx, and what it finds of onnxruntime-gpu and torch. Each value stands at the first, the
middle and the last place of shapes of 1 to 6,336 elements. A cell counts the runs that depart from IEEE 754 (numpy):
lost (a NaN was expected, something else came), spread (a NaN from nowhere), value (another number), sign (the other
zero); "·" is none, "–" that the backend has no such kernel.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nan_audio
import numpy as np
from nan_backends import Backend, backends, providers, session, versions
from nan_operators import probes
from nan_probe import FAULTS, VALUES, Array, Probe, faults


def examine(probe: Probe, prepare: Backend, values: Iterable[str] = VALUES) -> dict[str, Any]:
    """One row: the faults of each value, each with the number of runs that had it."""
    row: dict[str, Any] = {"operator": probe.operator, "setting": probe.setting, "shape": list(probe.shape)}
    try:
        run = prepare(probe)
        for value in values:
            seen: Counter[str] = Counter()
            inputs = probe.inputs(value)
            for x in inputs:
                with np.errstate(all="ignore"):
                    wanted = probe.expected(x)
                seen.update(compared(wanted, run(x)))
            row[value] = {"runs": len(inputs), **seen}
    except Exception as error:  # every backend raises its own classes where it has no kernel
        row["missing"] = f"{type(error).__name__}: {error}".splitlines()[0][:160]
    return row


def compared(wanted: Array, found: Array) -> set[str]:
    return {"value"} if np.shape(wanted) != np.shape(found) else faults(wanted, found)


def audio(cuda: bool) -> dict[str, Any]:
    """The tensors of the audio network that are not finite in FP16, optimised and not, by how it was run."""
    if cuda:
        half = nan_audio.marked(nan_audio.audio_net("float16"), "float16")
        return {
            "cuda": listened(session(half, "CUDA"), "float16"),
            "cuda, no fusion": listened(session(half, "CUDA", plain=True), "float16"),
        }
    from trtflow.emulation.emulate import instrument
    from trtflow.plan import PrecisionPlan

    net = nan_audio.marked(nan_audio.audio_net("float32"), "float32")
    emulated = instrument(net, PrecisionPlan("fp16"))
    return {
        "cpu fp32": listened(session(net, "CPU"), "float32"),
        "emulator fp16": listened(session(emulated, "CPU"), "float32"),
    }


def listened(made: Any, dtype: str) -> dict[str, list[int]]:
    names = [value.name for value in made.get_outputs()]
    results = made.run(names, {"x": nan_audio.sound().astype(dtype)})
    return nan_audio.non_finite(dict(zip(names, results, strict=True)))


def measure(cuda: bool) -> dict[str, Any]:
    """Everything, as it is saved."""
    made = list(probes())
    rows = {name: [examine(probe, prepare) for probe in made] for name, prepare in backends(cuda).items()}
    heard = audio(cuda) if not cuda or "CUDAExecutionProvider" in providers() else {}
    return {"versions": versions(), "rows": rows, "audio": heard}


def cell(rows: Iterable[dict[str, Any]], value: str) -> str:
    """The faults of one operator and value over all its shapes and settings."""
    seen: Counter[str] = Counter()
    for row in rows:
        seen.update(row.get(value, {}))
    if not seen:
        return "–"
    return ", ".join(f"{name} {seen[name]}/{seen['runs']}" for name in FAULTS if seen[name]) or "·"


def show(saved: list[dict[str, Any]]) -> None:
    """A Markdown table: an operator and value a line, a backend a column; lines without a fault are left out."""
    rows = {name: found for one in saved for name, found in one["rows"].items()}
    for one in saved:
        print(", ".join(f"{name} {version}" for name, version in one["versions"].items()))
    by_operator: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for backend, found in rows.items():
        for row in found:
            by_operator[row["operator"]][backend].append(row)
    print(f"\n| operator | value | {' | '.join(rows)} |\n|---|---|{'---|' * len(rows)}")
    clean = []
    for operator, columns in by_operator.items():
        lines = {value: [cell(columns[backend], value) for backend in rows] for value in VALUES}
        shown = {value: cells for value, cells in lines.items() if any(c not in "·–" for c in cells)}
        clean += [] if shown else [operator]
        for value, cells in shown.items():
            print(f"| {operator} | {value} | {' | '.join(cells)} |")
    print(f"\nWithout a fault anywhere: {', '.join(clean)}.")
    for one in saved:
        for name, tensors in one["audio"].items():
            print(f"\nAudio network, {name}: {len(tensors)} tensors not finite")
            print(", ".join(f"{tensor} ({nan} NaN, {inf} inf)" for tensor, (nan, inf) in tensors.items()))


def detail(saved: list[dict[str, Any]]) -> None:
    """Each setting and shape in which a NaN is lost."""
    for one in saved:
        for backend, found in one["rows"].items():
            lost: dict[tuple[str, str], list[str]] = defaultdict(list)
            for row in found:
                if row.get("NaN", {}).get("lost"):
                    lost[row["operator"], row["setting"]].append(f"{tuple(row['shape'])}".replace(" ", ""))
            for (operator, setting), shapes in lost.items():
                print(f"{backend}: {operator} {setting}: NaN lost at {' '.join(shapes)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuda", metavar="FOLDER", type=Path)
    parser.add_argument("--save", metavar="FOLDER", type=Path)
    parser.add_argument("--show", metavar="FILE", type=Path, nargs="+")
    parser.add_argument("--detail", action="store_true", help="also each setting and shape that loses a NaN")
    options = parser.parse_args()
    if options.show:
        saved = [json.loads(path.read_text(encoding="utf-8")) for path in options.show]
    else:
        saved = [measure(options.cuda is not None)]
    folder = options.cuda or options.save
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ("nan_cuda.json" if options.cuda else "nan_cpu.json")
        path.write_text(json.dumps(saved[0], indent=1), encoding="utf-8")
    show(saved)
    if options.detail:
        detail(saved)


if __name__ == "__main__":
    main()

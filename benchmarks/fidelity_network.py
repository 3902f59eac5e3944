"""One network of ``fidelity.py``: verdicts, end metrics and layers, emulated and on the GPU, as JSON.

``fidelity_network.py FOLDER --out FILE``: a folder that ``fidelity_networks.py`` packed. ``trtflow run`` searches by
emulation, and again with the GPU to decide; then both ends and the emulator's plan are measured on either side.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fidelity_standin
import yaml
from fidelity_layers import agreement, pairs
from fidelity_literal import literal
from fidelity_networks import unpacked
from fidelity_placement import ON_CPU, ON_GPU, fallen_back, fused
from onnx import ModelProto

from trtflow.data import Sample, evenly
from trtflow.errors import BackendError, BuildError
from trtflow.files.constraints import read_constraints
from trtflow.files.strict_json import json_numbers
from trtflow.model.layers import layers as model_layers
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Precision
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.graph_side import handed_out
from trtflow.tasks.candidate import Candidate
from trtflow.tasks.compare import compare
from trtflow.tasks.data import open_data
from trtflow.tasks.inspect import inspect
from trtflow.tasks.judge import judge_by
from trtflow.tasks.measured_on import execute_on
from trtflow.user_code import load_function

LIMIT = 240  # seconds for a command


@dataclass(frozen=True)
class Options:
    """``stand_in``: without a GPU. ``samples``: how many of them layers are compared on, in ``memory`` bytes."""

    low: Precision
    stand_in: bool
    samples: int
    memory: int


@dataclass(frozen=True)
class Case:
    """A network with its samples and what judges it."""

    model: ModelProto
    samples: list[Sample]
    evaluator: Evaluator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--low", default="fp16")
    parser.add_argument("--stand-in", action="store_true")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--memory", type=int, default=4000, metavar="MB")
    given = parser.parse_args()
    options = Options(given.low, given.stand_in, given.samples, given.memory * 1_000_000)
    if options.stand_in:
        fidelity_standin.install()
    found: dict[str, Any] = {"network": given.folder.name, "low": given.low}
    for part, measure in PARTS.items():  # what is there already counts if a later part is cut off
        began = time.monotonic()
        try:
            found[part] = measure(given.folder, options, found)
        except Exception as error:  # of any library: the other parts are worth having
            found[part] = {"failed": f"{type(error).__name__}: {error}"[:600]}
        found.setdefault("seconds", {})[part] = round(time.monotonic() - began, 1)
        given.out.write_text(json.dumps(json_numbers(found), indent=1), encoding="utf-8")


def commands(folder: Path, options: Options, _: Mapping[str, Any]) -> dict[str, Any]:
    """``trtflow run`` where the emulator decides, and where the GPU does; they share a store."""
    unpacked(folder)
    with tempfile.TemporaryDirectory() as scratch:
        runners = ("emulated",) if options.stand_in else ("emulated", "cuda")  # nothing stands in for it in a command
        return {runner: command(folder, options.low, runner, Path(scratch)) for runner in runners}


def command(folder: Path, low: str, runner: str, scratch: Path) -> dict[str, Any]:
    """Exit status, sentence and plan of a run."""
    out = scratch / runner
    words = [sys.executable, "-m", "trtflow", "run", str(folder / f"{folder.name}.yaml"), f"with.runner={runner}"]
    words += [f"with.low={low}", "--out", str(out), "--store", str(scratch / "store")]
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - a fixed command
        words, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    told = out / "metrics.json"
    said = json.loads(told.read_text()) if told.is_file() else {}
    constraints = out / "constraints.yaml"
    plan = read_constraints(constraints).plan.document() if constraints.is_file() else None
    return {
        "exit": done.returncode,
        "seconds": round(time.monotonic() - began, 1),
        "sentence": said.get("sentence") or (done.stdout + done.stderr)[-400:],
        "plan": plan,
    }


def ends(folder: Path, options: Options, found: Mapping[str, Any]) -> dict[str, Any]:
    """Everything low, the emulator's plan, and FP32: metrics and verdict on both sides, of unmarked graphs.

    Everything low is taken literally: constants that the format cannot hold are infinite on both sides.
    """
    case, low = opened(folder), PrecisionPlan(options.low)
    careless = literal(case.model, options.low)
    plans = {**searched(found), "fp32": PrecisionPlan(FP32)}
    return {
        "low": end(case, legalize(careless, low).plan, careless),
        **{name: end(case, legalize(case.model, plan).plan, case.model) for name, plan in plans.items()},
    }


def searched(found: Mapping[str, Any]) -> dict[str, PrecisionPlan]:
    """The plan that the emulator's command published, if it did."""
    held = found["commands"].get("emulated", {}).get("plan")
    return {"plan": PrecisionPlan(held["default"], held["nodes"])} if held else {}


def end(case: Case, plan: PrecisionPlan, model: ModelProto) -> dict[str, Any]:
    """A plan of ``model`` on both sides, and what the emulator says with units rounded once, as fused kernels do."""
    taps = case.evaluator.selection.before
    typed = rewrite(model, plan)
    execute = execute_on("cuda", case.samples)
    return {
        "kept": len(plan.nodes),
        "emulated": measured(case, lambda: EmulatedRunner(model, plan, "tensor", taps)),
        "unit": measured(case, lambda: EmulatedRunner(model, plan, "unit", taps)),
        "real": measured(case, lambda: execute(typed.model)),
    }


def measured(case: Case, start: Callable[[], Runner]) -> dict[str, Any]:
    """Metrics and verdict of a runner, or why it does not run."""
    try:
        figures = case.evaluator.measure(start())
    except (BuildError, BackendError) as error:
        return {"failed": str(error)[:600]}
    return {"accepted": case.evaluator.judge(figures).accepted, "metrics": dict(figures.metrics)}


def layers(folder: Path, options: Options, found: Mapping[str, Any]) -> dict[str, Any]:
    """Every layer on both sides in marked graphs, so that nothing is fused: everything low, and the plan.

    Everything low on the hardest samples, which show what is not finite; the plan on samples of all kinds.
    """
    case = opened(folder)
    low, count = legalize(case.model, PrecisionPlan(options.low)).plan, min(options.samples, len(case.samples))
    measured = case.evaluator.measure(EmulatedRunner(case.model, low, taps=case.evaluator.selection.before))
    hardest = [case.samples[index] for index in measured.hardest(count)]
    compared = {"low": compared_layers(case.model, low, hardest, options)}
    plan = legalize(case.model, searched(found).get("plan", low)).plan
    if plan != low:
        compared["plan"] = compared_layers(case.model, plan, evenly(case.samples, len(case.samples), count), options)
    return compared


def compared_layers(
    model: ModelProto, plan: PrecisionPlan, samples: Sequence[Sample], options: Options
) -> dict[str, Any]:
    """How the layers of ``plan`` agree, and each with its errors."""
    sides = {"emulated": Candidate(plan), "real": Candidate(plan, runner="cuda")}
    statistics = compare(model, samples, sides, memory=options.memory)
    found = pairs(statistics, "emulated", "real")
    every = [(pair.node, pair.op, pair.emulated, pair.real) for pair in found]
    return {**asdict(agreement(found)), "observer": dict(statistics.observer), "samples": len(samples), "all": every}


def placed(folder: Path, options: Options, found: Mapping[str, Any]) -> dict[str, Any]:
    """What ONNX Runtime fused of the unmarked graph and of the marked one, and what it ran on the CPU."""
    model = inspect(unpacked(folder))[0].model
    typed = rewrite(model, PrecisionPlan(options.low)).model
    marked, _ = handed_out(typed, [layer.tensor for layer in model_layers(model)])
    providers = ON_CPU if options.stand_in else ON_GPU
    return {
        "fused": fused(typed, providers),
        "marked": fused(marked, providers),
        "cpu": fallen_back(typed, providers),
    }


PARTS = {"commands": commands, "ends": ends, "layers": layers, "placement": placed}


def opened(folder: Path) -> Case:
    """The network as its config gives it."""
    given = yaml.safe_load((folder / f"{folder.name}.yaml").read_text(encoding="utf-8"))["with"]
    model = inspect(unpacked(folder))[0].model
    samples = list(open_data(folder / given["data"]["source"], model, given["data"].get("labels")))
    metric = load_function(str(folder / given["metric"])) if "metric" in given else None
    return Case(model, samples, judge_by(given["accept"], metric, allow_nonfinite=False).evaluator(model, samples))


if __name__ == "__main__":
    main()

"""What TensorRT-RTX's real parser and builder make of three networks, on a CPU: ``engines.py [NAME ...]``.

Per network: what is parsed, whose its layers are (the names table), which tensors can be marked and whether engines
with them, in batches of 64 MB, are built; then mixed models in FP16, BF16, INT8 and FP8, rewritten, parsed and built
strongly typed, each node's types held against its plan. Nothing is executed on a GPU. Exit status 1 where a build
fails or a node is typed otherwise than its plan says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from engines_network import AGREES, INSIDE, NO_FLOAT, NO_LAYER, Parsed, answers, parse
from engines_plans import Mixed, carried_out, plans
from engines_tasks import TASKS
from fetched import FOLDER
from int8_task import Task

import trtflow
from trtflow.errors import BuildError
from trtflow.model.analysis import analyse
from trtflow.model.shapes import tensor_shapes
from trtflow.text import listed
from trtflow.trt import isolated
from trtflow.trt.marking import Markable, markable
from trtflow.trt.request import EngineRequest
from trtflow.trt.shapes import shape_ranges

MEMORY = 64_000_000  # bytes of marked tensors in one engine
RTX = "tensorrt-rtx"


def main() -> int:
    """One block a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TASKS)}; all where none is given")
    wrong = 0
    for name in parser.parse_args().names or TASKS:
        with tempfile.TemporaryDirectory() as folder:
            wrong += Bench(TASKS[name](FOLDER), Path(folder)).run()
    print(f"\n{wrong} builds that failed, or nodes that are typed otherwise than asked")
    return 1 if wrong else 0


class Bench:
    """One network: its lines, and how many things went wrong."""

    def __init__(self, task: Task, folder: Path) -> None:
        self.task, self.folder = task, folder
        self.model = trtflow.load(task.model).model
        self.named = folder / "model.onnx"
        trtflow.save(self.model, self.named)
        self.computing = [node for node in self.model.graph.node if node.op_type != "Constant"]
        self.nodes = {node.name: node.op_type for node in self.computing}

    def run(self) -> int:
        print(f"\n{self.task.name}: {len(self.nodes)} nodes but for constants")
        parsed = parse(self.named)
        self._names(parsed)
        wrong = self._marks(parsed)
        print(f"  {'mixed':6} {'built':>8} {'MB':>7}  {'network tensors':34} {'nodes as asked':>15}  plan")
        return wrong + sum(self._build(mixed) for mixed in plans(self.model, self.task))

    def _names(self, parsed: Parsed) -> None:
        named, roles = parsed.named & self.nodes.keys(), parsed.roles
        without = Counter(op for node, op in self.nodes.items() if node not in named)
        print(f"  parsed   {parsed.layers} layers in {parsed.seconds:.2f} s")
        print(f"  nodes    {len(named)} have layers; without: {counted(without)}")
        print(f"  layers   {counted(roles)}")

    def _marks(self, parsed: Parsed) -> int:
        tensors = [name for node in self.computing for name in node.output if name]
        shapes = tensor_shapes(self.model, tensors, self.task.evaluation[0].feed)
        found = markable(parsed.network, tensors, shapes)
        refused = counted(Counter(found.refused.values()))
        print(f"  marks    {len(found.tensors)} of {len(tensors)} tensors; refused: {refused}")
        return self._batches(found)

    def _batches(self, found: Markable) -> int:
        batches, size = found.batches(MEMORY), sum(found.tensors.values())
        failed = sum(self._engine(self.named, batch) is None for batch in batches)
        built = f"{len(batches) - failed} of {len(batches)} built"
        print(f"  batches  {size / 1e6:.0f} MB of marks, at most {MEMORY / 1e6:.0f} MB an engine: {built}")
        return failed

    def _build(self, mixed: Mixed) -> int:
        file = self.folder / f"{mixed.low}.onnx"
        made = trtflow.rewrite(self.model, mixed.plan, mixed.scales)
        trtflow.save(made.model, file)
        plan = carried_out(mixed, made.promoted, made.skipped)
        told = {info.name: info.op for info in analyse(self.model).candidates}
        found = answers(parse(file), plan, told)
        counts = Counter(found.values())
        built = self._engine(file)
        judged, agree = len(told) - counts[NO_LAYER] - counts[NO_FLOAT], counts[AGREES]
        seconds, size, tensors = built or ("–", "–", "not built")
        print(f"  {mixed.low:6} {seconds:>8} {size:>7}  {tensors:34} {f'{agree} of {judged}':>15}  {mixed.origin}")
        others = {node: said for node, said in found.items() if said not in (AGREES, NO_LAYER, NO_FLOAT)}
        if others:
            print(f"  {'':6} {listed([f'{node} ({self.nodes[node]}) is {said}' for node, said in others.items()])}")
        return judged - agree - counts[INSIDE] + (built is None)

    def _engine(self, file: Path, marks: tuple[str, ...] = ()) -> tuple[str, str, str] | None:
        """Seconds, MB and tensors by type of the engine of ``file``; None, and a line, where there is none."""
        request = EngineRequest(file, shape_ranges(sample.feed for sample in self.task.evaluation), marks=marks)
        try:
            built = isolated.build(request, RTX, self.folder / "engine.plan")
        except BuildError as error:
            print(f"  not built: {error}")
            return None
        return f"{built.seconds:.1f} s", f"{built.bytes / 1e6:.1f}", counted(built.tensors)


def counted(counts: Mapping[str, int]) -> str:
    """``43 half, 3 float``, the most first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name}" for name, count in ordered if count) or "none"


if __name__ == "__main__":
    sys.exit(main())

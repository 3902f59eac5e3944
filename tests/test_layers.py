"""The import graph: each room knows the rooms below it, and no other, inside functions and for type checkers too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "trtflow"

# From top to bottom. A module may import its own room and every room on a lower line; rooms on one line stand beside
# each other and know nothing of each other.
LAYERS = """
__main__
cli
trtflow
engine
steps
tasks
calibration
runners
diagnosis rewriting
report search
emulation qdq trt
config files
cures
model
checked
data yaml12
data_values
located
plan
numerics
precision
crash user_code
errors facts
driver
asking doing driver_child progress text versions
"""
LAYER = {room: number for number, line in enumerate(LAYERS.split("\n")) for room in line.split()}


def module_names() -> dict[str, Path]:
    """Module → file, packages by their own name."""
    files = sorted(PACKAGE.rglob("*.py"))
    dotted = {".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in dotted.items()}


MODULES = module_names()


def imported(tree: ast.AST, known: dict[str, Path]) -> set[str]:
    """The modules of ``known`` that a module imports anywhere; of ``from a import b``, a.b where that is a module."""

    def targets() -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in known else node.module

    return known.keys() & set(targets())


GRAPH = {name: imported(ast.parse(file.read_text()), MODULES) for name, file in MODULES.items()}


def room(module: str) -> str:
    """``engine`` for trtflow.engine.run; a module at the top is a room of its own, the package is trtflow."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def is_allowed(module: str, target: str) -> bool:
    """Whether ``module`` may import ``target``."""
    return room(module) == room(target) or LAYER[room(module)] < LAYER[room(target)]


def test_every_room_has_a_layer() -> None:
    assert {room(module) for module in MODULES} <= LAYER.keys()


def test_no_module_imports_from_a_higher_room_or_one_beside_its_own() -> None:
    against = {name: {target for target in found if not is_allowed(name, target)} for name, found in GRAPH.items()}
    assert {name: targets for name, targets in against.items() if targets} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import trtflow.engine.run", {"trtflow.engine.run"}),
        ("from trtflow.engine import run, key", {"trtflow.engine.run", "trtflow.engine.key"}),
        ("from trtflow.engine.run import run_plan", {"trtflow.engine.run"}),
        ("from trtflow.steps import STEPS", {"trtflow.steps"}),
        ("def late():\n    from trtflow.cli import main", {"trtflow.cli"}),
        ("if TYPE_CHECKING:\n    from trtflow.cli import main", {"trtflow.cli"}),
        ("from pathlib import Path\nimport onnx", set()),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, found: set[str]) -> None:
    assert imported(ast.parse(source), MODULES) == found


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("trtflow.engine.run", "trtflow.steps.contract", True),
        ("trtflow.steps.contract", "trtflow.engine.run", False),
        ("trtflow.engine.run", "trtflow.engine.key", True),
        ("trtflow.search.run", "trtflow.report.html", False),
        ("trtflow.numerics.metrics", "trtflow.text", True),
        ("trtflow.plan", "trtflow.cli", False),
    ],
)
def test_dependencies_point_down(module: str, target: str, allowed: bool) -> None:
    assert is_allowed(module, target) == allowed


def test_imports_are_absolute_so_that_the_graph_sees_them() -> None:
    trees = {name: ast.walk(ast.parse(file.read_text())) for name, file in MODULES.items()}
    relative = {name for name, nodes in trees.items() for node in nodes if getattr(node, "level", 0)}
    assert relative == set()

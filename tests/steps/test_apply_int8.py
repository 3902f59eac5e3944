"""A decision from the INT8 steps, re-applied: the same file for the same model, a working one for a new export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from stepping import run_step

from trtflow.cures.clipping import Clipping
from trtflow.data import Sample
from trtflow.errors import PlanError
from trtflow.files.constraints import read_constraints
from trtflow.files.cures import read_cures, write_cures
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.registry import EXPORTS
from trtflow.files.names import NamesTable, read_names
from trtflow.plan import PrecisionPlan, write_plan
from trtflow.rewriting.apply import apply as carry_over
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.reference import ReferenceRunner
from trtflow.steps import calibrate, constrain, cure, inspect, quantize, rewrite
from trtflow.tasks.export import with_ports

ROWS = np.random.default_rng(1).normal(0, 1, (128, 6)).astype(np.float32)
SAMPLES = [Sample({"x": ROWS[i : i + 8]}) for i in range(0, 128, 8)]
CLIPPED = tuple(np.linspace(0.75, 1, 32).round(2).tolist())


def planted(noise: float = 0.0, **renamed: str) -> onnx.ModelProto:
    """``down`` reads a channel 500 times as wide as the others, and ``mean`` what has a large mean."""
    rng, new = np.random.default_rng(0), np.random.default_rng(7)
    spread = np.array([500.0, *[1.0] * 15])
    weights = {
        "a": rng.normal(0, 1, (6, 16)) * spread,
        "c": rng.normal(0, 1, 16) * spread,
        "b": rng.normal(0, 0.2, (16, 32)) / spread[:, None],
        "s": np.full(32, 3.0),
        "m": rng.normal(0, 0.2, (8, 32)),
    }
    weights["z"] = -weights["m"] @ weights["s"]
    nodes = [
        helper.make_node("Gemm", ["x", "a", "c"], ["h"], "up"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("Gemm", ["r", "b"], ["d"], "down"),
        helper.make_node("Tanh", ["d"], ["e"], "squash"),
        helper.make_node("Add", ["e", "s"], ["k"], "lift"),
        helper.make_node("Gemm", ["k", "m", "z"], ["y"], "mean", transB=1),
    ]
    for node in nodes:
        node.name = renamed.get(node.name, node.name)
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [8, w]) for n, w in (("x", 6), ("y", 8))]
    held = {n: np.asarray(w * (1 + noise * new.normal(0, 1, w.shape)), np.float32) for n, w in weights.items()}
    constants = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "planted", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def step(module: Any, folder: Path, **options: Any) -> Callable[[str], Path]:
    """Run a step in ``folder``; returns where each of its outputs is."""
    place = run_step(module, folder / module.__name__.rsplit(".", 1)[1], **options).folder
    return lambda name: place / module.outputs[name]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``model.onnx`` and what the steps made of it; a clipping is added, for none helps here."""
    folder = tmp_path_factory.mktemp("run")
    onnx.save(planted(), folder / "model.onnx")
    np.savez(folder / "rows.npz", x=ROWS)
    write_plan(PrecisionPlan("fp16", {"squash": "fp32"}), folder / "base.json")
    (folder / "findings.json").write_text("[]")
    data, accept = {"source": str(folder / "rows.npz")}, {"sqnr": {"min": 10}}
    seen = step(inspect, folder, model=folder / "model.onnx")
    found = step(calibrate, folder, model=seen("model"), data=data)
    cured = step(cure, folder, model=seen("model"), data=data, scales=found("scales"))
    clipping = Clipping(subject="down", nodes=("down",), before=0.2, after=0.1, shares=CLIPPED)
    write_cures([*read_cures(cured("cures")), clipping], cured("cures"))
    common = {"model": cured("model"), "scales": cured("scales"), "cures": cured("cures")}
    decided = step(
        quantize, folder, data=data, base=folder / "base.json", accept=accept, output_layers=True, **common
    )
    constrained = step(
        constrain, folder, facts=seen("facts"), plan=decided("plan"), search=decided("search"),
        findings=folder / "findings.json", accept=accept, **common,
    )  # fmt: skip
    step(rewrite, folder, model=seen("model"), constraints=constrained("constraints"))
    return folder


def apply(run: Path, model: onnx.ModelProto, target: Path, **changes: Any) -> onnx.ModelProto:
    """What ``trtflow apply`` writes to ``target``, with ``changes`` to the decision."""
    decision = yaml.safe_load((run / "constrain" / "constraints.yaml").read_text())
    (target / "constraints.yaml").write_text(yaml.safe_dump({**decision, **changes}))
    onnx.save(model, target / "new.onnx")
    carry_over(target / "constraints.yaml", target / "new.onnx", target / "mixed.onnx")
    return onnx.load(target / "mixed.onnx")


def cures_of(run: Path, **changes: Any) -> list[dict[str, Any]]:
    """The cures of the decision, each with ``changes``, named by the cure's key, to what it has."""
    decision = yaml.safe_load((run / "constrain" / "constraints.yaml").read_text())
    return [{**cure, **{key: value for key, value in changes.items() if key in cure}} for cure in decision["cures"]]


def test_each_cure_stands_on_one_line_with_its_parameters(run: Path) -> None:
    lines = (run / "constrain" / "constraints.yaml").read_text().split("cures:\n")[1].split("scales:")[0].splitlines()
    found = [yaml.safe_load(line)[0] for line in lines]
    assert [(entry["kind"], entry["subject"], entry["nodes"]) for entry in found] == [
        ("equalisation", "r", ["down"]),
        ("bias correction", "mean", ["mean"]),
        ("weight clipping", "down", ["down"]),
    ]
    assert all(entry["after"] < entry["before"] for entry in found)
    assert len(found[0]["shifts"]) == 16
    assert set(map(type, found[0]["shifts"])) == {int}
    assert len(found[1]["bias"]) == 8
    assert all(value == float(f"{value:.6g}") for value in found[1]["bias"])
    assert found[2]["shares"] == list(CLIPPED)


def test_applied_to_the_same_model_it_is_the_same_file(run: Path, tmp_path: Path) -> None:
    mixed = apply(run, planted(), tmp_path)
    assert mixed == onnx.load(run / "rewrite" / "mixed.onnx")
    assert sum(node.op_type == "QuantizeLinear" for node in mixed.graph.node) == 3


def test_applied_to_other_weights_it_works_as_well(run: Path, tmp_path: Path) -> None:
    model = planted(noise=0.001)
    mixed = apply(run, model, tmp_path)
    assert [node.op_type for node in mixed.graph.node] == [
        node.op_type for node in onnx.load(run / "rewrite" / "mixed.onnx").graph.node
    ]
    before, after = sqnr(planted(), onnx.load(run / "rewrite" / "mixed.onnx")), sqnr(model, mixed)
    assert after > before - 2


def sqnr(model: onnx.ModelProto, mixed: onnx.ModelProto) -> float:
    evaluator = Evaluator(ReferenceRunner(model), SAMPLES, {"sqnr": {"min": 10}})
    return evaluator.measure(TypedRunner(mixed)).metrics["sqnr"]


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({"r": "r0"}, "equalisation: there is no tensor r; did you mean 'r0'?\n"
                      "  down reads r0, for which there is no scale; did you mean 'r'?\n"),
        ({"mean": "means"}, "there is no node mean; did you mean 'means'?\n"),
        ({"k": "k0"}, "mean reads k0, for which there is no scale; did you mean 'k'?\n"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_and_nothing_is_written(
    run: Path, tmp_path: Path, renamed: dict[str, str], message: str
) -> None:
    with pytest.raises(PlanError) as error:
        apply(run, planted(**renamed), tmp_path)
    assert str(error.value).split("\n  ", 1)[1].startswith(message)
    assert not (tmp_path / "mixed.onnx").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shifts": [1, 2]}, "equalisation: r has 16 channels, the decision 2"),
        ({"bias": [0.5]}, "bias correction: mean has 8 channels, the decision 1"),
        ({"shares": [0.9, 0.8]}, "weight clipping: down has 32 channels, the decision 2"),
    ],
)
def test_another_number_of_channels_is_refused(
    run: Path, tmp_path: Path, change: dict[str, list[float]], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        apply(run, planted(), tmp_path, cures=cures_of(run, **change))
    assert not (tmp_path / "mixed.onnx").exists()


def test_range_that_cannot_move_any_more_is_refused(run: Path, tmp_path: Path) -> None:
    model = planted()
    model.graph.node[1].op_type = "Sigmoid"
    with pytest.raises(PlanError, match="equalisation: range cannot move at r, for other operators make it"):
        apply(run, model, tmp_path)


def test_a_scale_that_no_int8_node_reads_needs_no_tensor(run: Path, tmp_path: Path) -> None:
    scales = yaml.safe_load((run / "constrain" / "constraints.yaml").read_text())["scales"]
    mixed = apply(run, planted(), tmp_path, scales={**scales, "of another model": 1.0})
    assert mixed == onnx.load(run / "rewrite" / "mixed.onnx")


def test_every_export_can_be_made_of_it(run: Path) -> None:
    cured = onnx.load(run / "cure" / cure.outputs["model"])
    decision = with_ports(Decision(read_constraints(run / "constrain" / "constraints.yaml")), cured)
    table = run / "constrain" / "names.csv"  # where a parser is here
    decision = replace(decision, names=read_names(table) if table.exists() else NamesTable())
    exports = {path.name for path in (run / "constrain" / "exports").iterdir()}
    assert {row.file for row in EXPORTS.values()} == exports
    for row in EXPORTS.values():
        content = row.write(decision)
        expected = content if isinstance(content, bytes) else content.encode()
        assert (run / "constrain" / "exports" / row.file).read_bytes() == expected

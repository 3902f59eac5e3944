"""A reader is told which outputs depend on a selection, and how they were judged."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import pytest
from fake_engines import FakeEngine, install
from selecting import best_queries, queries

import trtflow
from trtflow.files.outcomes import ModelFacts, Selected, VerdictDocument
from trtflow.plan import PrecisionPlan
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.tasks.documents import Documents
from trtflow.tasks.marks import marks
from trtflow.tasks.selected import selected_by
from trtflow.tasks.validate import validate

BEST = Selected(node="best", op="TopK", outputs=("scores", "rows"), before=("f", "b"))
MAP = Selected(node="decide", op="ArgMax", outputs=("map",), before=("logits",))
START = "scores, rows depend on TopK 'best', where near ties swap places: "


def told(selected: Selected, accept: Mapping[str, object], candidate: Mapping[str, float]) -> tuple[str, ...]:
    margins = dict.fromkeys(accept, 0.1)
    verdict = VerdictDocument(
        accepted=True, samples=1, reference=candidate, candidate=candidate, margins=margins, accept=accept
    )
    return marks(Documents(facts=ModelFacts(selected=(selected,)), verdict=verdict))


@pytest.mark.parametrize(
    ("selected", "names", "measured", "mark"),
    [
        (
            BEST,
            ("sqnr", "matched"),
            ("sqnr", "matched"),
            "judged by matched as sets; sqnr looked at what goes in (f, b).",
        ),
        (BEST, ("recall",), ("recall", "sqnr"), "judged by recall."),
        (
            BEST,
            ("cosine", "matched"),
            ("matched",),
            "judged by matched as sets; cosine looked at nothing: an engine shows no tensor inside.",
        ),
        (MAP, ("agreement",), ("agreement", "sqnr"), "judged by agreement."),
    ],
    ids=["numbers and sets", "the user's metric", "an engine", "places"],
)
def test_the_mark_says_by_what(
    selected: Selected, names: tuple[str, ...], measured: tuple[str, ...], mark: str
) -> None:
    start = START if selected is BEST else "map depends on ArgMax 'decide', where near ties swap places: "
    assert told(selected, {name: {"min": 0.5} for name in names}, dict.fromkeys(measured, 1.0)) == (start + mark,)


def test_there_is_no_mark_before_a_verdict_nor_without_a_selection() -> None:
    assert marks(Documents(facts=ModelFacts(selected=(BEST,)))) == ()
    assert marks(Documents()) == ()


def test_facts_name_the_selecting_node_with_its_outputs() -> None:
    (found,) = selected_by(best_queries())
    assert (found.node, found.op, found.outputs) == ("best", "TopK", ("scores", "labels", "rows"))
    assert sorted(found.before) == ["b", "f"]


def test_an_engine_is_judged_unmarked_with_the_emulator_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data, seen = best_queries(), queries(), list[list[str]]()

    def execute(given: onnx.ModelProto) -> Runner:
        seen.append([value.name for value in given.graph.output])
        return TypedRunner(given)

    install(monkeypatch, FakeEngine(execute))
    mixed = trtflow.rewrite(model, PrecisionPlan("fp16")).model
    judged = validate(model, mixed, data, runner="cuda")
    assert ["scores", "labels", "rows"] in seen
    assert all("f" not in outputs for outputs in seen)
    assert (judged.accepted, judged.emulated) == (True, True)
    assert judged.candidate == {"matched": 1.0}
    assert judged.margins.keys() == {"matched.min"}

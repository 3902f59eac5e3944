"""What is said of foreign operators."""

from __future__ import annotations

import pytest
from graph_models import info, model, node
from onnx import helper

from trtflow.files.outcomes import Foreign, ModelFacts
from trtflow.tasks.documents import Documents
from trtflow.tasks.foreign import described, foreign_mark, foreign_operators

GELU = Foreign(operator="com.microsoft.Gelu", count=2, runs=True)
NMS = Foreign(operator="TRT.EfficientNMS_TRT", count=1, runs=False)


def test_operators_are_counted_by_domain_and_name() -> None:
    ops = [("Gelu", "com.microsoft"), ("EfficientNMS_TRT", "TRT"), ("Relu", ""), ("Gelu", "com.microsoft")]
    nodes = [node(op, f"t{at}", f"t{at + 1}", domain=domain) for at, (op, domain) in enumerate(ops)]
    net = model(nodes, [info("t0", [2])], [info("t4", [2])])
    net.opset_import.extend(helper.make_opsetid(domain, 1) for domain in ("com.microsoft", "TRT", "never.used"))
    assert tuple(foreign_operators(net)) == (NMS, GELU)


@pytest.mark.parametrize(
    ("found", "ends", "said", "unsaid"),
    [
        ([GELU], (), ["com.microsoft.Gelu (2)", "ONNX Runtime runs them", "plugin"], ["judged"]),
        ([NMS], ("boxes", "scores"), ["TRT.EfficientNMS_TRT (1)", "(boxes, scores)", "in FP32"], ["runs them"]),
        ([NMS], (), ["judged at the other outputs"], ["go in"]),
        ([GELU, NMS], ("boxes",), ["runs them", "judged at the tensors that go in (boxes)"], []),
    ],
)
def test_what_becomes_of_each_is_said(
    found: list[Foreign], ends: tuple[str, ...], said: list[str], unsaid: list[str]
) -> None:
    text = described(found, ends)
    assert all(part in text for part in said)
    assert not any(part in text for part in unsaid)


def test_a_verdict_is_marked_only_where_there_are_any() -> None:
    assert list(foreign_mark(Documents())) == []
    (mark,) = foreign_mark(Documents(facts=ModelFacts(foreign=(NMS,), ends=("boxes",))))
    assert mark == f"Foreign operators: {described((NMS,), ('boxes',))}."

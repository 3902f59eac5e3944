"""One list says which of ONNX Runtime's optimisers may run, and every session is held to it."""

from __future__ import annotations

import itertools
import re

import onnx
import onnxruntime
import pytest
from graph_models import conv_net, i64, info, model, node

from trtflow.model.optimisers import ALLOWED, FORBIDDEN, FORBIDDEN_BESIDE, forbidden
from trtflow.model.session import open_session


def applied(net: onnx.ModelProto, capfd: pytest.CaptureFixture[str]) -> set[str]:
    """The optimisers that ONNX Runtime's log names for a session of trtflow's."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 1
    open_session(net, options, ["CPUExecutionProvider"])
    return set(re.findall(r"GraphTransformer (\S+) modified", capfd.readouterr().err))


@pytest.fixture
def pooled() -> onnx.ModelProto:
    return conv_net()


@pytest.fixture
def flat() -> onnx.ModelProto:
    return model([node("Relu", "x", "y")], [info("x", [2])], [info("y", [2])])


def test_every_optimiser_of_the_installed_version_is_judged(
    flat: onnx.ModelProto, capfd: pytest.CaptureFixture[str]
) -> None:
    names = applied(flat, capfd)
    assert "ConstantFolding" in names
    assert names <= {*itertools.chain(*ALLOWED.values())}


def test_what_changes_results_beside_a_pooling_runs_without_one(
    flat: onnx.ModelProto, pooled: onnx.ModelProto, capfd: pytest.CaptureFixture[str]
) -> None:
    assert applied(flat, capfd) - applied(pooled, capfd) <= set(FORBIDDEN_BESIDE)
    assert not applied(pooled, capfd) & set(FORBIDDEN_BESIDE)
    assert set(forbidden(pooled)) - set(forbidden(flat)) == {"NchwcTransformer"}


def test_a_pooling_in_a_body_counts(flat: onnx.ModelProto) -> None:
    body = onnx.helper.make_graph([node("GlobalMaxPool", "x", "b")], "body", [], [info("b", None)])
    branches = {"then_branch": body, "else_branch": body}
    net = model([node("If", "c", "y", **branches)], [info("x", [1, 2, 3])], [info("y", None)], [i64("c", 1)])
    assert "NchwcTransformer" in forbidden(net)
    assert "NchwcTransformer" not in forbidden(flat)


def test_no_optimiser_is_both_allowed_and_forbidden() -> None:
    allowed = list(itertools.chain(*ALLOWED.values()))
    assert len(allowed) == len(set(allowed))
    assert not set(allowed) & set(FORBIDDEN)
    assert set(FORBIDDEN_BESIDE) <= set(allowed)

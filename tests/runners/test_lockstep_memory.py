"""The memory that a comparison takes beside the network's own is bounded by what it is given."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUDGET = 128_000_000
SCRIPT = """
import resource, sys
import numpy as np
import onnx
from onnx import TensorProto, helper

from trtflow.data import Sample
from trtflow.emulation.emulate import instrument
from trtflow.model.layers import layers
from trtflow.plan import PrecisionPlan
from trtflow.runners.lockstep import Candidate, compare_tensors
from trtflow.model.session import create_session

way, depth, samples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1 << 20]) for name in ("t0", f"t{depth}")]
nodes = [helper.make_node("Sin", [f"t{i}"], [f"t{i + 1}"], f"n{i}") for i in range(depth)]
model = helper.make_model(helper.make_graph(nodes, "deep", ends[:1], ends[1:]), ir_version=9)
feeds = [Sample({"t0": np.ones((1, 1 << 20), np.float32)})] * samples
if way == "plain":
    create_session(model).run(None, feeds[0].feed)
else:
    candidates = {"fp16": Candidate(lambda: instrument(model, PrecisionPlan("fp16")), "fp16")}
    tensors = [layer.tensor for layer in layers(model)]
    compare_tensors(model, candidates, tensors, feeds, int(sys.argv[4]), lambda *_: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak(way: str, depth: int, samples: int) -> int:
    command = [sys.executable, "-c", SCRIPT, way, str(depth), str(samples), str(BUDGET)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "samples"), [(50, 8), (400, 1)])
def test_peak_memory_stays_within_the_plain_sessions_and_the_budget(depth: int, samples: int) -> None:
    """The marked tensors alone are 200 and 1,600 MB of the reference, and as much of the candidate."""
    assert peak("compare", depth, samples) <= peak("plain", depth, samples) + BUDGET

"""What a weakly typed engine is told: the plan always, ranges or samples where there is INT8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fake_engines import WeakEngine

from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.plan import PrecisionPlan
from trtflow.runners.registry import Executor
from trtflow.tasks.weakly import WeakRunner, told
from trtflow.trt.feeds import read_feeds
from trtflow.trt.request import EngineRequest, EngineSettings

FEEDS = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (1, 2)]
SCALES = {"x": 2.0, "a": 2000.0}


def decision(default: Any, nodes: dict[str, Any]) -> Constraints:
    entries = {name: Node(precision=low, op="Mul", reason="R01") for name, low in nodes.items()}
    return Constraints(model=ModelReference(path="m.onnx", sha256="0"), default=default, nodes=entries, scales=SCALES)


@pytest.mark.parametrize(
    ("default", "nodes", "calibrator", "ranges", "calibrated"),
    [
        ("fp16", {"up": "fp32"}, None, {}, False),
        ("fp16", {"up": "fp32"}, "entropy2", {}, False),
        ("fp16", {"up": "int8"}, None, SCALES, False),
        ("int8", {}, None, SCALES, False),
        ("int8", {}, "entropy2", {}, True),
    ],
    ids=["floats", "floats, a calibrator", "a node in INT8", "all in INT8", "INT8, a calibrator"],
)
def test_ranges_are_for_int8_and_give_way_to_a_calibrator(
    overflowing: onnx.ModelProto,
    tmp_path: Path,
    default: Any,
    nodes: Any,
    calibrator: Any,
    ranges: dict[str, float],
    calibrated: bool,
) -> None:
    settings = EngineSettings("weak", calibrator=calibrator)
    found = told(overflowing, decision(default, nodes), settings, FEEDS, tmp_path)
    assert (found.model, found.plan, found.ranges) == (overflowing, PrecisionPlan(default, nodes), ranges)
    feeds = [] if found.calibration is None else [feed["x"][0, 0] for feed in read_feeds(found.calibration)]
    assert feeds == ([1, 2] if calibrated else [])


def test_the_samples_are_there_while_the_engine_is_built_and_gone_after(overflowing: onnx.ModelProto) -> None:
    seen: list[Path] = []

    class Looking(WeakEngine):
        def start(self, model: onnx.ModelProto, request: EngineRequest) -> Any:
            assert request.calibration is not None
            seen.append(request.calibration)
            assert len([*read_feeds(request.calibration)]) == 2
            return super().start(model, EngineRequest(request.model, plan=PrecisionPlan("fp32")))

    request = EngineRequest(Path("m.onnx"), settings=EngineSettings("weak", calibrator="minmax"))
    with WeakRunner(Executor(Looking(), request, "weak"), overflowing, decision("int8", {}), FEEDS) as runner:
        assert np.isfinite(runner(dict(FEEDS[0].feed))["y"]).all()
    assert not seen[0].exists()


def test_without_constraints_there_is_nothing_to_tell(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="give `constraints`, the file that constrain wrote"):
        told(overflowing, None, EngineSettings("weak"), FEEDS, tmp_path)

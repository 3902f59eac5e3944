"""Whether a backend really runs here: a library that is too old, or missing, shows only when a kernel is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.runners.backend import Backend
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

if TYPE_CHECKING:
    from onnx import ModelProto

SHAPE, FILE = (1, 4), Path("probe.onnx")


def probe(backend: Backend, settings: EngineSettings, typing: Typing) -> None:
    """Execute one FP16 sum on ``backend``, built under ``settings`` but for what belongs to another network.

    Raises:
        BackendError: it does not start, does not run, or computes something else.
    """
    import numpy as np

    feed = {"x": np.arange(4, dtype=np.float32).reshape(SHAPE)}
    plain = replace(settings, profiles={}, calibrator=None)
    plan = PrecisionPlan(FP16) if typing == "weak" else None
    request = EngineRequest(FILE, {"x": ShapeRange(SHAPE, SHAPE, SHAPE)}, plain, plan)
    try:
        with backend.start(_doubling(typed=typing == "strong"), request) as runner:
            found = runner(feed)["y"]
    except Exception as error:  # whatever lies beneath raises classes of its own
        raise BackendError(f"'{backend.name}' is installed, but does not run here: {error}") from error
    if not np.allclose(found, 2 * feed["x"]):
        raise BackendError(f"'{backend.name}' does not compute here: twice {feed['x'].tolist()} is {found.tolist()}.")


def _doubling(*, typed: bool) -> ModelProto:
    """y = x + x, between FP32 ends; ``typed``: in FP16 by its Casts."""
    from onnx import TensorProto, helper

    inner = TensorProto.FLOAT16 if typed else TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], "to_half", to=inner),
        helper.make_node("Add", ["half", "half"], ["sum"], "double"),
        helper.make_node("Cast", ["sum"], ["y"], "to_float", to=TensorProto.FLOAT),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "probe", ports[:1], ports[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

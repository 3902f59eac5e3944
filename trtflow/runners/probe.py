"""Whether a backend really runs here: a library that is too old, or missing, shows only when a kernel is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtflow.errors import BackendError
from trtflow.runners.backend import Backend
from trtflow.trt.shapes import ShapeRange

if TYPE_CHECKING:
    from onnx import ModelProto

SHAPE = (1, 4)


def probe(backend: Backend) -> None:
    """Execute one FP16 sum on ``backend``.

    Raises:
        BackendError: it does not start, does not run, or computes something else.
    """
    import numpy as np

    feed = {"x": np.arange(4, dtype=np.float32).reshape(SHAPE)}
    try:
        with backend.start(_doubling(), {"x": ShapeRange(SHAPE, SHAPE, SHAPE)}) as runner:
            found = runner(feed)["y"]
    except Exception as error:  # whatever lies beneath raises classes of its own
        raise BackendError(f"'{backend.name}' is installed, but does not run here: {error}") from error
    if not np.allclose(found, 2 * feed["x"]):
        raise BackendError(f"'{backend.name}' does not compute here: twice {feed['x'].tolist()} is {found.tolist()}.")


def _doubling() -> ModelProto:
    """y = x + x in FP16, between FP32 ends."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["x"], ["half"], "to_half", to=TensorProto.FLOAT16),
        helper.make_node("Add", ["half", "half"], ["sum"], "double"),
        helper.make_node("Cast", ["sum"], ["y"], "to_float", to=TensorProto.FLOAT),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "probe", ports[:1], ports[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

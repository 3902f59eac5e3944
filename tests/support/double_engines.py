"""A small network, and engines of it that Polygraphy's own loaders build on the double."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 4


def network() -> onnx.ModelProto:
    """Conv + Relu, a constant factor that FP16 cannot hold exactly, pooling, Gemm with bias; free batch."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Mul", ["r", "k"], ["m"], "mul"),
        helper.make_node("GlobalAveragePool", ["m"], ["p"], "pool"),
        helper.make_node("Flatten", ["p"], ["f"], "flat"),
        helper.make_node("Gemm", ["f", "g", "b"], ["y"], "gemm", transB=1),
    ]
    sizes = {"w": (CHANNELS, 3, 3, 3), "k": (CHANNELS, 1, 1), "g": (5, CHANNELS), "b": (5,)}
    constants = [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in sizes.items()]
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5]),
    ]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def feed(batch: int = 2) -> dict[str, Any]:
    """A sample."""
    return {"x": np.random.default_rng(1).normal(size=(batch, 3, 8, 8)).astype(np.float32)}


def build(
    model: onnx.ModelProto,
    folder: Path,
    *,
    strong: bool = False,
    prepare: Callable[[Any], None] | None = None,
    outputs: Iterable[str] = (),
    **config: Any,
) -> bytes:
    """The engine that Polygraphy builds of ``model``; ``prepare`` is called with the network.

    ``outputs`` are marked instead of the model's own; ``config`` goes to ``CreateConfig``.

    Raises:
        PolygraphyException: there is none.
    """
    import tensorrt as trt
    from polygraphy.backend.trt import CreateConfig, EngineBytesFromNetwork, ModifyNetworkOutputs, NetworkFromOnnxPath
    from polygraphy.backend.trt import Profile as Bounds

    path = folder / "model.onnx"
    onnx.save(model, path)
    builder, made, parser = NetworkFromOnnxPath(str(path), strongly_typed=strong)()
    if outputs:
        made = ModifyNetworkOutputs((builder, made, parser), outputs=list(outputs))()[1]
    if prepare:
        prepare(made)
    bounds = Bounds().add("x", (1, 3, 8, 8), (2, 3, 8, 8), (4, 3, 8, 8))
    settings = CreateConfig(profiles=[bounds], profiling_verbosity=trt.ProfilingVerbosity.DETAILED, **config)
    return bytes(EngineBytesFromNetwork((builder, made, parser), settings)())


def run(engine: bytes, fed: Mapping[str, Any], **runner: Any) -> dict[str, Any]:
    """What the engine makes of ``fed``, by Polygraphy's ``TrtRunner``."""
    from polygraphy.backend.trt import EngineFromBytes, TrtRunner

    with TrtRunner(EngineFromBytes(engine), **runner) as active:
        return {name: np.array(array) for name, array in active.infer(dict(fed)).items()}


def inspect(engine: bytes) -> dict[str, Any]:
    """What the engine's inspector says."""
    import json

    import tensorrt as trt

    found = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(engine)
    return dict(json.loads(found.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)))

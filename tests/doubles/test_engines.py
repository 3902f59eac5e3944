from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from double_engines import build, feed, inspect, network, run
from doubling import Install
from onnx import helper
from polygraphy.exception import PolygraphyException
from trt_double.listing import VERSIONS

from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP16, FP32
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.emulated import EmulatedRunner, TypedRunner
from trtflow.runners.reference import ReferenceRunner

WEAK = [version for version in VERSIONS if version != "11.4.0"]
STRONG = [version for version in VERSIONS if version != "8.6.1"]


def emulated(plan: PrecisionPlan, fed: Mapping[str, Any]) -> Any:
    with EmulatedRunner(network(), plan) as runner:
        return runner(dict(fed))["y"]


def reference(fed: Mapping[str, Any], *taps: str) -> dict[str, Any]:
    with ReferenceRunner(network(), taps=taps) as runner:
        return runner(dict(fed))


def set_layers(trt: Any, *names: str, types: bool = True) -> Any:
    """What sets layers, and what they make, FP32."""

    def prepare(made: Any) -> None:
        for layer in made:
            if layer.name in names or not names:
                layer.precision = trt.float32
                for index in range(layer.num_outputs) if types else ():
                    layer.set_output_type(index, trt.float32)

    return prepare


@pytest.mark.parametrize("version", VERSIONS)
def test_a_network_in_fp32_is_the_reference(double: Install, version: str, tmp_path: Path) -> None:
    double(version)
    found = run(build(network(), tmp_path), feed())
    assert list(found) == ["y"]
    np.testing.assert_array_equal(found["y"], reference(feed())["y"])


@pytest.mark.parametrize("version", WEAK)
def test_an_fp16_flag_makes_all_of_it_fp16(double: Install, version: str, tmp_path: Path) -> None:
    double(version)
    found = run(build(network(), tmp_path, fp16=True), feed())
    np.testing.assert_array_equal(found["y"], emulated(PrecisionPlan(FP16), feed()))
    assert np.any(found["y"] != reference(feed())["y"])


@pytest.mark.parametrize("version", STRONG)
@pytest.mark.parametrize("low", [FP16, BF16])
def test_a_strongly_typed_network_is_what_its_file_says(
    double: Install, version: str, low: Any, tmp_path: Path
) -> None:
    double(version)
    mixed = rewrite(network(), PrecisionPlan(low, {"conv": FP32})).model
    found = run(build(mixed, tmp_path, strong=True), feed())
    with TypedRunner(mixed) as runner:
        np.testing.assert_array_equal(found["y"], runner(feed())["y"])


@pytest.mark.parametrize("version", WEAK)
def test_a_node_is_kept_only_where_constraints_are_obeyed(double: Install, version: str, tmp_path: Path) -> None:
    trt = double(version).trt
    every = set_layers(trt)
    obeyed = run(build(network(), tmp_path, fp16=True, precision_constraints="obey", prepare=every), feed())
    ignored = run(build(network(), tmp_path, fp16=True, prepare=every), feed())
    np.testing.assert_array_equal(obeyed["y"], reference(feed())["y"])
    np.testing.assert_array_equal(ignored["y"], emulated(PrecisionPlan(FP16), feed()))


def constrained(trt: Any, folder: Path, *names: str, types: bool = True) -> Any:
    prepare = set_layers(trt, *names, types=types)
    engine = build(network(), folder, fp16=True, precision_constraints="obey", prepare=prepare)
    return run(engine, feed())["y"]


def test_a_node_of_which_one_layer_is_not_kept_is_low(double: Install, tmp_path: Path) -> None:
    trt = double().trt
    part = constrained(trt, tmp_path, "gemm", "g", "b", "ONNXTRT_Broadcast_0")
    whole = constrained(trt, tmp_path, "gemm", "gemm_1", "g", "b", "ONNXTRT_Broadcast_0")
    np.testing.assert_array_equal(part, emulated(PrecisionPlan(FP16), feed()))
    np.testing.assert_array_equal(whole, emulated(PrecisionPlan(FP16, {"gemm": FP32}), feed()))
    assert np.any(part != whole)


def test_what_a_kept_node_makes_is_stored_low_without_an_output_type(double: Install, tmp_path: Path) -> None:
    trt = double().trt
    kept = "mul", "k", "ONNXTRT_Broadcast", "pool"
    typed, untyped = constrained(trt, tmp_path, *kept), constrained(trt, tmp_path, *kept, types=False)
    np.testing.assert_array_equal(typed, emulated(PrecisionPlan(FP16, {"mul": FP32, "pool": FP32}), feed()))
    assert np.any(untyped != typed)


def test_a_kept_node_reads_a_constant_that_is_stored_low_unless_its_layers_are_kept(
    double: Install, tmp_path: Path
) -> None:
    trt = double().trt
    whole, bare = constrained(trt, tmp_path, "mul", "k", "ONNXTRT_Broadcast"), constrained(trt, tmp_path, "mul")
    assert np.any(whole != bare)
    np.testing.assert_array_equal(bare, constrained(trt, tmp_path, "mul", "k"))


@pytest.mark.parametrize("version", VERSIONS)
def test_marked_tensors_are_read_in_the_type_that_they_have(double: Install, version: str, tmp_path: Path) -> None:
    double(version)
    found = run(build(network(), tmp_path, outputs=["m", "y"]), feed())
    wanted = reference(feed(), "m")
    assert found.keys() == {"m", "y"}
    np.testing.assert_array_equal(found["m"], wanted["m"])


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "8.6.1"])
def test_a_debug_listener_is_given_marked_tensors(double: Install, version: str, tmp_path: Path) -> None:
    double(version)

    def prepare(made: Any) -> None:
        made.mark_debug(next(layer.get_output(0) for layer in made if layer.name == "mul"))

    engine = build(network(), tmp_path, prepare=prepare)
    found = run(engine, feed())
    assert found.keys() == {"m", "y"}
    np.testing.assert_array_equal(found["m"], reference(feed(), "m")["m"])


@pytest.mark.parametrize("version", ["10.13.3", "10.16.1", "11.4.0"])
def test_unfused_tensors_are_told_under_the_engines_names(double: Install, version: str, tmp_path: Path) -> None:
    trt = double(version, renamed={"m": "__myl_m"}).trt
    told: dict[str, tuple[int, ...]] = {}

    class Listener(trt.IDebugListener):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IDebugListener.__init__(self)

        def process_debug_tensor(self, addr: int, place: Any, kind: Any, shape: Any, name: str, stream: int) -> None:
            assert (place, kind) == (trt.TensorLocation.DEVICE, trt.float32)
            told[name] = tuple(shape)

    engine = build(network(), tmp_path, prepare=lambda made: made.mark_unfused_tensors_as_debug_tensors())
    found = trt.Runtime(trt.Logger()).deserialize_cuda_engine(engine)
    context = found.create_execution_context()
    context.set_debug_listener(Listener())
    context.unfused_tensors_debug_state = True
    from polygraphy.backend.trt import TrtRunner

    with TrtRunner(context, debug_listener=context.get_debug_listener()) as runner:
        runner.infer(feed())
    assert told == {"r": (2, 4, 8, 8), "__myl_m": (2, 4, 8, 8), "p": (2, 4, 1, 1), "f": (2, 4)}


@pytest.mark.parametrize(
    ("version", "inspector", "ports", "keys"),
    [
        ("8.6.1", "", "Bindings", {"Format/Datatype"}),
        ("10.16.1", "", "Bindings", {"Format/Datatype"}),
        ("11.4.0", "11.0", "Bindings", {"Format", "Datatype"}),
        ("11.4.0", "", "I/O Tensors", {"Format", "Datatype"}),
    ],
)
def test_the_inspector_writes_the_json_of_its_version(
    double: Install, version: str, inspector: str, ports: str, keys: set[str], tmp_path: Path
) -> None:
    double(version, inspector=inspector)
    told = inspect(build(network(), tmp_path))
    assert told.keys() == {"Layers", ports}
    first = told["Layers"][0]
    assert (first["Name"], first["Metadata"]) == ("conv + relu", "[ONNX Layer: conv]\x1e[ONNX Layer: relu]")
    assert first["Inputs"][0].keys() == {"Name", "Location", "Dimensions", *keys}


def layers(engine: bytes) -> dict[str, list[str]]:
    """Engine layer → types of what it reads and makes."""
    told = inspect(engine)["Layers"]
    return {one["Name"]: [p["Format/Datatype"] for p in (*one["Inputs"], *one["Outputs"])] for one in told}


def test_the_inspector_tells_what_was_honoured(double: Install, tmp_path: Path) -> None:
    trt = double(ignore=["mul"]).trt
    prepare = set_layers(trt, "mul", "pool")
    engine = build(network(), tmp_path, fp16=True, precision_constraints="obey", prepare=prepare)
    found = layers(engine)
    assert found["mul"] == ["Half", "Half"]
    assert found["pool"] == ["Float", "Float"]
    assert found["conv + relu"] == ["Half", "Half"]
    assert found["Reformatting CopyNode for Input Tensor 0 to pool"] == ["Half", "Float"]


def test_a_forced_fusion_takes_a_constraint_away_unless_the_tensor_is_marked(double: Install, tmp_path: Path) -> None:
    trt = double(fuse=[["mul", "pool"]]).trt
    prepare = set_layers(trt, "mul")
    options: dict[str, Any] = {"fp16": True, "precision_constraints": "obey", "prepare": prepare}
    assert "mul + pool" in layers(build(network(), tmp_path, **options))
    assert "mul" in layers(build(network(), tmp_path, outputs=["m", "y"], **options))


def test_marking_heals_a_broken_fused_kernel(double: Install, tmp_path: Path) -> None:
    double(broken=["conv + relu"])
    bare, marked = (run(build(network(), tmp_path, outputs=o), feed())["y"] for o in ([], ["c", "y"]))
    np.testing.assert_array_equal(marked, reference(feed())["y"])
    assert np.any(bare != marked)


def test_a_shape_outside_the_profile_is_refused(double: Install, tmp_path: Path) -> None:
    double()
    with pytest.raises(PolygraphyException, match="failed to set shape"):
        run(build(network(), tmp_path), feed(5))


def test_an_engine_of_another_version_is_refused(double: Install, tmp_path: Path) -> None:
    double("10.13.3")
    engine = build(network(), tmp_path)
    double("10.16.1")
    with pytest.raises(PolygraphyException, match="Could not deserialize"):
        run(engine, feed())


def test_weak_flags_and_strong_typing_exclude_each_other(double: Install, tmp_path: Path) -> None:
    double()
    with pytest.raises(PolygraphyException, match="Invalid Engine"):
        build(network(), tmp_path, strong=True, fp16=True)


def test_a_precision_on_a_strongly_typed_layer_is_noted(double: Install, tmp_path: Path) -> None:
    installed = double()
    build(network(), tmp_path, strong=True, prepare=set_layers(installed.trt, "mul"))
    assert installed.touched == [
        "ILayer.precision in a strongly typed network",
        "ILayer.set_output_type in a strongly typed network",
    ]
    installed.forgive()


def test_a_file_that_the_parser_does_not_know_is_refused(double: Install, tmp_path: Path) -> None:
    double()
    model = network()
    model.graph.node.append(helper.make_node("Nonsense", ["y"], ["z"], "odd"))
    with pytest.raises(PolygraphyException, match="Could not parse"):
        build(model, tmp_path)


def test_models_with_bfloat16_inputs_run(double: Install, tmp_path: Path) -> None:
    import ml_dtypes

    double("11.4.0")
    node = helper.make_node("Relu", ["x"], ["y"], "relu")
    ports = [helper.make_tensor_value_info(n, onnx.TensorProto.BFLOAT16, [2]) for n in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "g", ports[:1], ports[1:]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    import tensorrt as trt

    found = trt.Runtime(trt.Logger()).deserialize_cuda_engine(build_bare(trt, model))
    context = found.create_execution_context()
    fed, made = np.array([-1.5, 2.5], ml_dtypes.bfloat16), np.zeros(2, ml_dtypes.bfloat16)
    context.set_tensor_address("x", fed.ctypes.data)
    context.set_tensor_address("y", made.ctypes.data)
    assert context.execute_async_v3(0)
    assert made.tolist() == [0.0, 2.5]


def build_bare(trt: Any, model: onnx.ModelProto) -> Any:
    builder = trt.Builder(trt.Logger())
    made = builder.create_network(0)
    assert trt.OnnxParser(made, trt.Logger()).parse(model.SerializeToString())
    return builder.build_serialized_network(made, builder.create_builder_config())

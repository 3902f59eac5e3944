"""Each export says the decision in the other tool's own grammar, and says what it cannot."""

from __future__ import annotations

import ast
import json
import re

import pytest

from trtflow.precision.constraints import Constraints, ModelReference, Node
from trtflow.precision.exports import (
    FORMATS,
    SCALE_FORMATS,
    Port,
    modelopt_args,
    ort_providers,
    polygraphy_postprocess,
    triton_config,
    trtexec_args,
)


def decision(*names: str) -> Constraints:
    nodes = {name: Node(precision="fp32", op="Conv", reason="R01") for name in names}
    return Constraints(model=ModelReference(path="m.onnx", sha256="0"), default="fp16", nodes=nodes)


def test_trtexec_gets_precision_and_output_type_of_each_node() -> None:
    lines = trtexec_args(decision("/a/Conv", "b:0")).splitlines()
    assert lines[1:] == [
        "--fp16",
        "--precisionConstraints=obey",
        "--layerPrecisions=/a/Conv:fp32,b:0:fp32",
        "--layerOutputTypes=/a/Conv:fp32,b:0:fp32",
    ]


def test_names_that_trtexec_cannot_say_are_named() -> None:
    text = trtexec_args(decision("a,b", "c"))
    assert "use polygraphy_postprocess.py: a,b" in text
    assert "--layerPrecisions=c:fp32" in text


def test_a_decision_without_kept_nodes_is_just_the_flag() -> None:
    assert trtexec_args(decision()).splitlines()[1:] == ["--fp16"]


def test_the_polygraphy_script_is_python_and_keeps_hostile_names() -> None:
    script = polygraphy_postprocess(decision('/a"b\\c/Conv'))
    tree = ast.parse(script)
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "PRECISIONS")  # type: ignore[attr-defined]
    assert ast.literal_eval(table) == {'/a"b\\c/Conv': "float32"}


def test_modelopt_patterns_match_the_whole_name_only() -> None:
    pattern = re.search(r"'(.+)'", modelopt_args(decision("/a.b/Conv")))
    assert pattern
    assert re.match(pattern[1], "/a.b/Conv")
    assert not re.match(pattern[1], "/a.b/Conv_1")
    assert not re.match(pattern[1], "/axb/Conv")


def test_onnx_runtime_is_told_to_obey_the_types() -> None:
    provider, options = json.loads(ort_providers(decision()))["providers"][0]
    assert provider == "TensorrtExecutionProvider"
    assert options["trt_fp16_enable"] is False


@pytest.mark.parametrize(
    ("dims", "batch", "shown"),
    [
        ((None, 3, 8), 8, "dims: [ 3, 8 ]"),
        ((1, 3, 8), 0, "dims: [ 1, 3, 8 ]"),
        ((1, 3, None), 0, "dims: [ 1, 3, -1 ]"),
    ],
)
def test_triton_drops_a_free_batch_dimension(dims: tuple[int | None, ...], batch: int, shown: str) -> None:
    port = Port("x", "float32", dims)
    text = triton_config("unet", (port,), (port,))
    assert f"max_batch_size: {batch}" in text
    assert text.count(shown) == 2


def test_every_text_format_says_where_it_is_valid() -> None:
    for name, (file, write) in FORMATS.items():
        if name in SCALE_FORMATS:  # their readers know no comments
            continue
        head = write(decision("a")).splitlines()
        assert any("TensorRT" in line or "ModelOpt" in line for line in head[:3]), file


def test_ranges_are_exported_from_the_scales() -> None:
    scaled = decision("a").model_copy(update={"scales": {"x": 1.0}})
    written = {name: write(scaled) for name, (_, write) in SCALE_FORMATS.items()}
    assert written == {
        "calibration-cache": "TRT-101303-EntropyCalibration2\nx: 3c010204\n",
        "ppq": '{\n "act_quant_info": {\n  "x": 1.0\n }\n}\n',
        "dynamic-ranges": "x: 1.0\n",
    }

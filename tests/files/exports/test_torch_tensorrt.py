"""Settings that Torch-TensorRT takes, and modules by the names that PyTorch's exporter wrote."""

from __future__ import annotations

import json

import pytest
from decisions import decision, int8_decision

from trtflow.files.exports import torch_tensorrt
from trtflow.files.exports.torch_tensorrt import module_of

SETTINGS = {
    "enabled_precisions", "min_block_size", "torch_executed_ops", "pass_through_build_failures", "max_aux_streams",
    "version_compatible", "optimization_level", "use_python_runtime", "truncate_double", "use_fast_partitioner",
    "enable_experimental_decompositions", "device", "require_full_compilation", "assume_dynamic_shape_support",
    "disable_tf32", "sparse_weights", "engine_capability", "num_avg_timing_iters", "dla_sram_size",
    "dla_local_dram_size", "dla_global_dram_size", "dryrun", "hardware_compatible", "timing_cache_path",
    "lazy_engine_init", "cache_built_engines", "reuse_cached_engines", "use_explicit_typing", "use_fp32_acc",
    "refit_identical_engine_weights", "strip_engine_weights", "immutable_weights", "enable_weight_streaming",
    "enable_cross_compile_for_windows", "tiling_optimization_level", "l2_limit_for_tiling",
}  # fmt: skip
"""Fields of CompilationSettings that 2.8, 2.10 and 2.12 have."""


def test_compile_takes_the_settings_and_no_precision_but_the_one_it_allows() -> None:
    settings = json.loads(torch_tensorrt.write(decision("/a/Conv")))["compile"]
    assert settings.keys() <= SETTINGS
    assert settings == {
        "enabled_precisions": ["float32"],
        "use_explicit_typing": True,
        "disable_tf32": True,
        "torch_executed_ops": [],
    }


def test_modules_come_back_and_what_cannot_be_said_is_named() -> None:
    made = decision("/down0/conv0/Conv", "/down0/conv0/Add", "/Add", "Conv_3", a="int8")
    document = json.loads(torch_tensorrt.write(made))
    assert document["dtype"] == "float16"
    assert document["keep"] == {"down0.conv0": "float32"}
    assert document["no-module"] == ["/Add", "Conv_3"]
    assert document["quantized"] == ["a"]
    assert json.loads(torch_tensorrt.write(int8_decision()))["quantized"] == ["a"]


@pytest.mark.parametrize(
    ("node", "module"),
    [
        ("/down0/conv0/Conv", "down0.conv0"),
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/blocks.0/attn/attn.1/MatMul_2", "blocks.0.attn.1"),
        ("/layer1/layer10/Conv", "layer1.layer10"),
        ("/Add", ""),
        ("Conv_3", ""),
        ("a/b/Conv", ""),
    ],
)
def test_a_module_is_in_the_name_of_its_node(node: str, module: str) -> None:
    assert module_of(node) == module

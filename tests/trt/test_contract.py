"""What trtflow touches of TensorRT, in its own modules and in the scripts that it exports, is there in every version
that the code is for, with such arguments. The versions are those whose real bindings were listed."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from guarded import GUARDS
from listed import VERSIONS, can, takes
from touched import faults, members

import trtflow
from trtflow.errors import BackendError
from trtflow.trt.calibrators import Batches, make_calibrator
from trtflow.trt.capabilities import capabilities

PACKAGE = Path(trtflow.__file__).parent
EXPORTS = PACKAGE / "files" / "exports"
SOURCES = {
    str(path.relative_to(PACKAGE)): path
    for path in (
        *PACKAGE.glob("trt/*.py"),
        *PACKAGE.glob("runners/tensorrt.py"),
        *EXPORTS.glob("layers.py"),  # which the exported script holds
        *EXPORTS.glob("*.template"),
    )
}
CLAIMS: Mapping[str, Mapping[str, str]] = {
    "trt/ranges.py": {"set_ranges": "dynamic_ranges"},
    "trt/calibrators.py": {"": "calibrators"},
    "trt/monitor.py": {"": "progress"},
    "trt/debug.py": {"": "debug"},
    "trt/marking.py": {"_debug": "debug", "_constrained": "weak"},
    "files/exports/layers.py": {"tell": "weak"},
    "files/exports/polygraphy_postprocess.py.template": {"": "weak"},
}
"""Source → function → the capability without which nobody calls it; '' is all of the source."""
OTHERS: Mapping[str, tuple[str, ...]] = {
    "trt/inspector.py": ("tensor",),  # of the inspector's JSON
}
"""Source → variables that are something else in spite of their names."""


def source(path: Path) -> str:
    """Python as it is, or the template of a script with nothing put in."""
    return re.sub(r"\$\w+", "None", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_touched_is_there_in_every_version_that_it_is_for(name: str) -> None:
    assert faults(source(SOURCES[name]), VERSIONS, CLAIMS.get(name), OTHERS.get(name, ())) == []


def test_claims_are_of_sources_that_are_there_and_need_them() -> None:
    assert {*CLAIMS, *OTHERS} <= {*SOURCES}
    needless = [name for name in CLAIMS if not faults(source(SOURCES[name]), VERSIONS, None, OTHERS.get(name, ()))]
    assert needless == ["trt/calibrators.py"]  # its names are made at run time


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("8.6.1", {"weak", "calibrators", "dynamic_ranges", "timing_cache"}),
        ("10.0.1", {"strong", "weak", "calibrators", "dynamic_ranges", "debug", "progress", "timing_cache"}),
        ("10.13.3", {*GUARDS}),
        ("10.16.1", {*GUARDS}),
        ("11.4.0", {"strong", "debug", "unfused_debug", "progress", "strict_nans", "timing_cache"}),
        ("rtx-1.7.1", {"strong", "debug", "unfused_debug", "progress", "strict_nans"}),
    ],
)
def test_each_version_can_what_its_listing_says(version: str, has: set[str]) -> None:
    assert {name for name in GUARDS if getattr(can(version), name)} == has
    assert can(version).flavour == ("tensorrt-rtx" if version.startswith("rtx") else "tensorrt")


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
def test_the_real_rtx_can_what_its_listing_says_and_has_no_calibrators() -> None:
    import tensorrt_rtx

    found = capabilities(tensorrt_rtx)
    assert replace(found, version="") == replace(can("rtx-1.7.1"), version="")
    with pytest.raises(BackendError, match=f"{found.says} takes no calibrators"):
        make_calibrator(tensorrt_rtx, "entropy2", Batches([]))


def test_the_collector_sees_through_loops_comprehensions_and_results() -> None:
    assert members(source(SOURCES["trt/ranges.py"]), "10.16.1") == {
        "INetworkDefinition.get_input",
        "INetworkDefinition.get_layer",
        "INetworkDefinition.num_inputs",
        "INetworkDefinition.num_layers",
        "ILayer.get_output",
        "ILayer.name",
        "ILayer.num_outputs",
        "ILayer.type",
        "ITensor.dtype",
        "ITensor.is_execution_tensor",
        "ITensor.name",
        "ITensor.set_dynamic_range",
        "DataType.name",
        "LayerType.name",
    }


ONLY_OLD = ["11.4.0", "rtx-1.7.1"]
NEVER = [*VERSIONS]


@pytest.mark.parametrize(
    ("planted", "lacking"),
    [
        ("layer.precision = 1", ONLY_OLD),
        ("layer.precison", NEVER),
        ("tensor.set_dynamic_range(-1, 1)", ONLY_OLD),
        ("tensor.set_dynamic_range(1)", NEVER),
        ("tensor.set_dynamic_range(min=-1, max=1)", ONLY_OLD),
        ("tensor.set_dynamic_range(low=-1, high=1)", NEVER),
        ("network.get_layer(0).get_output(0).dynamic_range = (0, 1)", ONLY_OLD),
        ("for index in range(3):\n    found = network.get_layer(index)\n    found.kind", NEVER),
        ("network.num_layers = 3", NEVER),
        ("config.set_flag(module.BuilderFlag.FP16)", ONLY_OLD),
        ("config.set_flag(module.BuilderFlag.FP15)", NEVER),
        ("import tensorrt as other\nother.IDebugListener", ["8.6.1"]),
        ("flags = module.BuilderFlag\nflags.STRICT_NANS", ["8.6.1", "10.0.1"]),
        ("network.mark_unfused_tensors_as_debug_tensors()", ["8.6.1", "10.0.1"]),
        ("builder.max_workspace_size", NEVER),
        ("made = builder.create_builder_config()\nmade.max_workspace", NEVER),
        ("class M(module.IProgressMonitor):\n    def step_complete(self, phase): ...", NEVER),
        ("class M(module.IProgressMonitor):\n    def phase_done(self, phase): ...", NEVER),
        ("[t.nam for t in range(3) for tensor in t if tensor.nam]", NEVER),
        ("tensor.dtype.name\ntensor.dtype.value", []),
        ("def f(tensor: np.ndarray): tensor.astype", []),
        ("def f(layers: Sequence[EngineLayer]): return [layer.nodes for layer in layers]", []),
        ("from polygraphy.backend import trt\ntrt.CreateConfig", []),
        ("hasattr(module, 'IPluginV7')", []),
    ],
)
def test_a_planted_fault_is_found_in_exactly_the_versions_that_have_it(planted: str, lacking: list[str]) -> None:
    found = faults(planted, VERSIONS)
    assert {version for version in VERSIONS if any(said.endswith(f" in {version}") for said in found)} == {*lacking}


@pytest.mark.parametrize(
    ("guarded", "reached"),
    [
        ("if can.weak: layer.precision", []),
        ("if not can.weak: layer.precision", ONLY_OLD),
        ("if can.weak: pass\nelse: layer.precision", ONLY_OLD),
        ("layer.precision if can.weak and more else None", []),
        ("if can.weak or more: layer.precision", ONLY_OLD),
        ("def f():\n    if not can.weak:\n        raise E\n    layer.precision", []),
        ("def f():\n    layer.precision\n    if not can.weak:\n        raise E", ONLY_OLD),
        ("def f():\n    if not can.weak:\n        say()\n    layer.precision", ONLY_OLD),
        ("require_implicit(able, 'ranges')\ntensor.set_dynamic_range(0, 1)", []),
        ("if typing == 'weak': layer.precision", []),
        ("if typing == 'strong': layer.precision", ONLY_OLD),
    ],
)
def test_a_member_that_some_versions_lack_needs_a_guard_before_it(guarded: str, reached: list[str]) -> None:
    found = faults(guarded, VERSIONS)
    assert {said.rpartition(" in ")[2] for said in found} == {*reached}


def test_a_claim_stands_for_its_function_alone() -> None:
    written = "def weak(layer): layer.precision\ndef other(layer): layer.reset_precision()"
    assert faults(written, ["11.4.0"], {"weak": "weak"}) == ["line 2: there is no ILayer.reset_precision in 11.4.0"]
    assert faults(written, ["11.4.0"], {"": "weak"}) == []


@pytest.mark.parametrize(
    ("positional", "keywords", "fits"),
    [
        (0, [], False),
        (1, [], True),
        (3, [], True),
        (4, [], False),
        (1, ["c"], True),
        (0, ["a"], True),
        (1, ["a"], False),
        (1, ["d"], False),
    ],
)
def test_calls_are_bound_as_python_binds_them(positional: int, keywords: list[str], fits: bool) -> None:
    signature = "f(self: T, a: Dict[str, int], b: int = 0, c: object = <X: 1, 2>) -> None"
    assert takes(signature, positional, frozenset(keywords)) == fits

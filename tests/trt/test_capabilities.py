"""What each version can do follows from what its module has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trtflow.trt.capabilities import capabilities


def module(version: str, **members: Any) -> Any:
    """A module that has what every version has, and ``members``."""
    plain: dict[str, Any] = {
        "__version__": version,
        "BuilderFlag": SimpleNamespace(TF32=0),
        "NetworkDefinitionCreationFlag": SimpleNamespace(),
        "ILayer": SimpleNamespace(),
        "ITensor": SimpleNamespace(),
        "INetworkDefinition": SimpleNamespace(),
    }
    return SimpleNamespace(**(plain | members))


WEAK = {
    "BuilderFlag": SimpleNamespace(FP16=0, INT8=1),
    "ILayer": SimpleNamespace(set_output_type=None),
    "ITensor": SimpleNamespace(set_dynamic_range=None),
    "IInt8EntropyCalibrator2": object,
}
STRONG = {"NetworkDefinitionCreationFlag": SimpleNamespace(STRONGLY_TYPED=0)}


@pytest.mark.parametrize(
    ("members", "strong", "weak", "typing"),
    [(WEAK, False, True, "weak"), (WEAK | STRONG, True, True, "strong"), (STRONG, True, False, "strong")],
    ids=["8.6", "10", "11"],
)
def test_typing_follows_from_the_flags(members: dict[str, Any], strong: bool, weak: bool, typing: str) -> None:
    found = capabilities(module("10.0.1", **members))
    assert (found.strong, found.weak, found.typing) == (strong, weak, typing)
    assert found.calibrators is found.dynamic_ranges is weak


def test_a_module_without_any_typing_flag_is_strong() -> None:
    assert capabilities(module("12.0")).strong


def test_only_rtx_asks_for_compute_capabilities() -> None:
    assert capabilities(module("1.7.1", **STRONG, ComputeCapability=object)).says == "TensorRT-RTX 1.7.1"
    assert capabilities(module("11.4.0", **STRONG)).says == "TensorRT 11.4.0"

"""A memo finds records by the content of what they depend on."""

from __future__ import annotations

import pytest

from trtflow.runners.memo import Memory

MATERIAL = {"plan": {"default": "fp16", "nodes": {}}, "samples": [1, 2]}


def test_a_record_is_found_by_equal_material_in_any_order() -> None:
    memory = Memory()
    memory.put(MATERIAL, {"metrics": {"sqnr": 30.0}})
    assert memory.get(dict(reversed(MATERIAL.items()))) == {"metrics": {"sqnr": 30.0}}


@pytest.mark.parametrize("other", [{}, {**MATERIAL, "samples": [2, 1]}, {**MATERIAL, "samples": None}])
def test_other_material_has_no_record(other: dict[str, object]) -> None:
    memory = Memory()
    memory.put(MATERIAL, {})
    assert memory.get(other) is None


def test_what_is_put_last_holds() -> None:
    memory = Memory()
    memory.put(MATERIAL, {"n": 1})
    memory.put(MATERIAL, {"n": 2})
    assert memory.get(MATERIAL) == {"n": 2}

"""Tensor cores against the rule and the emulated graph, with the rule itself in the GPU's place."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import accumulation
import numpy as np
import pytest
from accumulation import KINDS, Kind, compared, fitted, random_products, real_products

from trtflow.numerics.tensor_core import FP16_IN_FP16, multiply

BY_NAME = {kind.name: kind for kind in KINDS}
SUMS = BY_NAME["FP16 in FP16, wgmma"]


def by_rule(kind: Kind) -> Any:
    return lambda a, b, *how: multiply(a, b, kind.rule)


def product(depth: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(depth)
    a, b = rng.standard_normal((20, depth)), rng.standard_normal((depth, 30))
    return a.astype(np.float32), b.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_rule_is_equal_to_itself_and_the_graph_is_held_against_fp16_sums_alone(kind: Kind) -> None:
    found = compared(kind, by_rule(kind), *product(40))
    assert (found.kind, found.depth, found.infinite) == (kind.name, 40, 0)
    assert found.rule.shape == (64, 64)
    assert found.rule.all()
    assert (found.graph.size > 0) == (kind.rule == FP16_IN_FP16)


def test_a_kernel_of_another_rule_is_told_from_it() -> None:
    assert not compared(SUMS, by_rule(BY_NAME["FP16 in FP32, wgmma"]), *product(200)).rule.all()


def test_operands_are_filled_up_with_zeros_that_change_no_sum() -> None:
    a, b = product(40)
    left, right = fitted(FP16_IN_FP16, a, b)
    assert (left.shape, right.shape) == ((64, 128), (128, 64))
    exact = [x.astype(np.float16).astype(np.float32) for x in (a, b)]
    np.testing.assert_array_equal(
        multiply(left, right, FP16_IN_FP16)[:20, :30], multiply(exact[0], exact[1], FP16_IN_FP16)
    )


def test_random_products_are_of_every_kind_and_depth() -> None:
    found = [(name, a.shape[1]) for name, a, _ in random_products()]
    assert len(found) == len(set(found)) == 4 * 5 + 2
    assert [depth for name, depth in found if name == "overflow"] == [1024, 4096]


def test_without_captured_operands_it_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(real_products(tmp_path / "none.npz")) == []
    assert "capture" in capsys.readouterr().out


def test_measuring_prints_every_product_and_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*given: Any) -> Any:
        raise RuntimeError("no such instruction")

    kernel = ModuleType("accumulation_kernel")
    kernel.__dict__.update(machine=lambda: "no GPU", multiply=lambda a, b, dtype, *how: _of(dtype)(a, b))
    monkeypatch.setitem(sys.modules, "accumulation_kernel", kernel)
    monkeypatch.setattr(accumulation, "KINDS", (SUMS, BY_NAME["FP8, fast"]))
    monkeypatch.setattr(accumulation, "random_products", lambda: [("normal", *product(32))])

    def _of(dtype: str) -> Any:
        return by_rule(SUMS) if dtype == "float16" else refused

    accumulation.measure(tmp_path / "none.npz")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| FP")]
    assert [[cell.strip() for cell in line.split("|")[1:5]] for line in lines] == [
        ["FP16 in FP16, wgmma", "normal", "32", "100.00 %"],
        ["FP8, fast", "normal", "", "RuntimeError: ['no such instruction']"],
        ["FP16 in FP16, wgmma", "1", "4,096", "0"],
    ]

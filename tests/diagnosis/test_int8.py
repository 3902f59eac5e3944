"""Each INT8 rule sees its cause, planted in real numbers, and says nothing about healthy tensors."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trtflow.diagnosis.explain import explain
from trtflow.diagnosis.int8 import Joint, Numbers, SiteFacts, WeightFacts, diagnose
from trtflow.diagnosis.reasons import REASONS
from trtflow.files.scales import TensorScale
from trtflow.numerics.record import Figures
from trtflow.numerics.statistics import compare

RANDOM = np.random.default_rng(5)
NORMAL = RANDOM.normal(0, 1, 100_000).astype(np.float32)
SITE = SiteFacts("n", ("x",))


def measured(values: NDArray[Any]) -> Figures:
    return compare(values, values).figures()


def scale(amax: float, **more: Any) -> TensorScale:
    return TensorScale(**{"amax": amax, "method": "minmax", "seen": amax, "clipped": 0.0, "spread": 2.0, **more})


def numbers(values: NDArray[Any], chosen: TensorScale, **branches: NDArray[Any]) -> Numbers:
    tensors = {"x": values, **branches}
    return Numbers({"x": chosen}, {name: measured(array) for name, array in tensors.items()})


def with_outliers(size: float, count: int) -> NDArray[Any]:
    return np.append(NORMAL[count:], np.full(count, size, np.float32))


HEALTHY = numbers(NORMAL, scale(4.5))
CASES = {
    "zero throughout": (SITE, numbers(0 * NORMAL, scale(0.0)), [("R18", True)]),
    "clipped at a third of its reach": (
        SITE,
        numbers(with_outliers(30, 1000), scale(10.0, seen=30.0, clipped=0.01)),
        [("R19", True)],
    ),
    "reaches further in inference than in calibration": (SITE, numbers(3 * NORMAL, scale(2.0)), [("R19", True)]),
    "a few hot values stretch the range": (SITE, numbers(with_outliers(80, 80), scale(80.0)), [("R20", False)]),
    "a single one leaves no codes": (SITE, numbers(with_outliers(2000, 1), scale(2000.0)), [("R20", True)]),
    "a range that nothing fills": (SITE, numbers(NORMAL, scale(400.0)), [("R20", True)]),
    "channels of unequal range": (SITE, numbers(NORMAL, scale(4.5, spread=3000.0)), [("R21", False)]),
    "weights with one scale": (replace(SITE, weights=(WeightFacts("w", 50.0, False),)), HEALTHY, [("R21", False)]),
    "unlike branches of a Concat": (
        replace(SITE, joints=(Joint("x", "Concat", ("a", "b")),)),
        numbers(NORMAL, scale(4.5), a=NORMAL, b=NORMAL / 40),
        [("R22", False)],
    ),
    "unlike operands of a residual sum": (
        replace(SITE, joints=(Joint("y", "Add", ("x", "b")),)),
        numbers(NORMAL, scale(4.5), b=30 * NORMAL),
        [("R22", False)],
    ),
}


@pytest.mark.parametrize(("site", "seen", "expected"), CASES.values(), ids=CASES)
def test_a_cause_is_named_by_its_code(site: SiteFacts, seen: Numbers, expected: list[tuple[str, bool]]) -> None:
    found = diagnose([site], seen)
    assert [(finding.code, finding.certain) for finding in found] == expected
    assert all(finding.node == "n" and finding.against == "int8" and finding.code in REASONS for finding in found)


PLAIN = {
    "normal": HEALTHY,
    "behind a Relu": numbers(np.maximum(NORMAL, 0), scale(4.5)),
    "sparse": numbers(np.where(NORMAL > 2.5, NORMAL, 0), scale(4.5)),
    "clipped where nothing is": numbers(NORMAL, scale(4.0, seen=4.5, clipped=6e-5)),
    "an image": numbers(RANDOM.integers(0, 256, 100_000).astype(np.float32), scale(255.0)),
    "heavy tails, clipped as they should be": numbers(
        RANDOM.standard_t(6, 100_000).astype(np.float32), scale(9.0, seen=14.0, clipped=1e-4)
    ),
}


@pytest.mark.parametrize("seen", PLAIN.values(), ids=PLAIN)
def test_a_healthy_tensor_gets_no_finding(seen: Numbers) -> None:
    assert diagnose([SITE], seen) == []


def test_channels_with_a_scale_each_and_branches_alike_are_no_problem() -> None:
    site = replace(SITE, weights=(WeightFacts("w", 500.0, True),), joints=(Joint("x", "Concat", ("a", "b")),))
    assert diagnose([site], numbers(NORMAL, scale(4.5), a=NORMAL, b=NORMAL / 4)) == []


def test_tensors_of_which_nothing_was_measured_get_no_finding() -> None:
    assert diagnose([SITE], Numbers({}, {})) == []
    assert diagnose([SITE], Numbers({"x": scale(1.0)}, {})) == []


@pytest.mark.parametrize("name", CASES)
def test_fp8_has_an_exponent_so_only_clipping_and_dead_tensors_hurt_it(name: str) -> None:
    site, seen, expected = CASES[name]
    found = diagnose([site], replace(seen, precision="fp8"))
    assert [finding.code for finding in found] == [code for code, _ in expected if code in ("R18", "R19")]
    assert all(finding.against == "fp8" for finding in found)


def test_a_sentence_has_the_numbers() -> None:
    (finding,) = diagnose(*_case("clipped at a third of its reach"))
    assert "1% of the values of x lie beyond its range of 10 and reach up to 30" in finding.text
    assert finding.evidence["amax"] == 10.0


def test_reasons_against_int8_and_against_fp16_are_kept_apart() -> None:
    found = diagnose(*_case("zero throughout"))
    assert explain("n", found, against="int8").code == "R18"
    assert explain("n", found).code == "measured"


def _case(name: str) -> tuple[list[SiteFacts], Numbers]:
    site, seen, _ = CASES[name]
    return [site], seen


def unlike(ratio: float, *more: float) -> tuple[SiteFacts, Numbers]:
    """A Concat of branches of which the widest reaches ``ratio`` times as far as the first, and of ``more``."""
    names = "abcd"[: 2 + len(more)]
    figures = {name: Figures(ref_amax=amax) for name, amax in zip(names, (1.0, ratio, *more), strict=True)}
    return replace(SITE, joints=(Joint("x", "Concat", tuple(names)),)), Numbers({}, figures)


LINES = {
    "R18": (
        (SITE, Numbers({"x": scale(1e-30)}, {})),
        (SITE, Numbers({"x": scale(0.0)}, {})),
    ),
    "R19 by its share": (
        (SITE, numbers(with_outliers(12, 90), scale(10.0, seen=12.0, clipped=9e-4))),
        (SITE, numbers(with_outliers(19.9, 1000), scale(10.0, seen=19.9, clipped=0.01))),
    ),
    "R19 by its reach": (
        (SITE, numbers(with_outliers(19.9, 50), scale(10.0, seen=19.9, clipped=5e-4))),
        (SITE, numbers(with_outliers(40, 50), scale(10.0, seen=40.0, clipped=5e-4))),
    ),
    "R20 by outliers": (
        (SITE, numbers(with_outliers(60, 90), scale(60.0))),
        (SITE, numbers(with_outliers(80, 90), scale(80.0))),
    ),
    "R21 of channels": (
        (SITE, numbers(NORMAL, scale(4.5, spread=32.0))),
        (SITE, numbers(NORMAL, scale(4.5, spread=32.1))),
    ),
    "R21 of weights": (
        (replace(SITE, weights=(WeightFacts("w", 32.0, False),)), HEALTHY),
        (replace(SITE, weights=(WeightFacts("w", 32.1, False),)), HEALTHY),
    ),
    "R22": (unlike(16.0), unlike(16.1)),
}


@pytest.mark.parametrize(("before", "beyond"), LINES.values(), ids=LINES)
def test_a_rule_speaks_from_its_line_on_and_not_before(
    before: tuple[SiteFacts, Numbers], beyond: tuple[SiteFacts, Numbers], request: Any
) -> None:
    codes = [[finding.code for finding in diagnose([site], seen)] for site, seen in (before, beyond)]
    assert codes == [[], [request.node.callspec.id[:3]]]


NEAREST = {
    "a channel of which nothing is known": (SITE, numbers(NORMAL, scale(4.5, spread=None))),
    "one branch alone": (
        replace(SITE, joints=(Joint("x", "Concat", ("a",)),)),
        Numbers({}, {"a": Figures(ref_amax=9.0)}),
    ),
    "a branch that is dead": unlike(0.0),
    "a branch that is not finite": unlike(math.inf),
    "branches that were not measured": (replace(SITE, joints=(Joint("x", "Concat", ("a", "b")),)), Numbers({}, {})),
    "a tensor that is not finite": (SITE, Numbers({"x": scale(1.0)}, {"x": Figures(ref_amax=9.0, ref_inf=1)})),
}


@pytest.mark.parametrize(("site", "seen"), NEAREST.values(), ids=NEAREST)
def test_what_only_resembles_a_cause_gets_no_finding(site: SiteFacts, seen: Numbers) -> None:
    assert diagnose([site], seen) == []


def test_of_many_branches_the_widest_and_the_narrowest_are_named() -> None:
    site, seen = unlike(20.0, 100.0, 5.0)
    (finding,) = diagnose([site], seen)
    assert finding.evidence == {"tensor": "x", "wide": 100.0, "narrow": 1.0, "branch": "a"}
    assert "one scale leaves it 1.3 of 127 codes" in finding.text


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_branches_is_no_matter(reverse: bool) -> None:
    site, seen = unlike(50.0, 3.0)
    names = site.joints[0].branches
    turned = replace(site, joints=(replace(site.joints[0], branches=names[::-1] if reverse else names),))
    assert [finding.text for finding in diagnose([turned], seen)] == [
        finding.text for finding in diagnose([site], seen)
    ]


@given(st.floats(1.0, 1e4))
def test_unequal_channels_are_found_exactly_beyond_32(spread: float) -> None:
    codes = [finding.code for finding in diagnose([SITE], Numbers({"x": scale(4.5, spread=spread)}, {}))]
    assert codes == (["R21"] if spread > 32 else [])


def test_the_cause_stands_before_its_symptom_and_sites_in_their_order() -> None:
    site = replace(SITE, joints=(Joint("x", "Concat", ("a", "b")),))
    seen = numbers(NORMAL, scale(400.0, spread=3000.0), a=NORMAL, b=100 * NORMAL)
    found = diagnose([site, replace(site, node="m")], seen)
    assert [(f.node, f.code) for f in found] == [(n, c) for n in "nm" for c in ("R22", "R21", "R20")]


@pytest.mark.parametrize(("precision", "codes"), [("int8", 127), ("fp8", 448)])
def test_codes_are_those_of_the_format(precision: Any, codes: int) -> None:
    assert Numbers({}, {}, precision).codes == codes

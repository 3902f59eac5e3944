"""Every layer of a candidate is held against FP32, and the one that breaks stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from planted import dataset, int8_network, pictures, rows

from trtflow.data import Sample
from trtflow.errors import DataError
from trtflow.plan import PrecisionPlan
from trtflow.runners.quantized import Ranges
from trtflow.runners.resident import Resident
from trtflow.tasks.compare import ALL_FP16, Candidate, compare
from trtflow.tasks.hooks import Hooks

FP16 = Candidate(PrecisionPlan("fp16"))


def test_by_default_fp16_is_compared_and_what_overflows_is_wrong(overflowing: onnx.ModelProto) -> None:
    found = compare(overflowing, rows(70, 75))
    assert list(found.candidates) == ["fp16"]
    assert [layer.node for layer in found.layers] == ["up", "down", "add"]
    assert [layer.node for layer in found.wrong("fp16")] == ["up", "down", "add"]
    assert {name: entry.cand_inf for name, entry in found.first.items() if name != "x"} == {"a": 8, "b": 8, "y": 8}
    assert found.first["a"].ref_amax == 75_000


def test_a_plan_that_keeps_the_culprits_is_right_everywhere(overflowing: onnx.ModelProto) -> None:
    plan = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})
    found = compare(overflowing, rows(70, 75), {"mixed": Candidate(plan)})
    assert found.wrong("mixed") == ()
    assert found.candidates["mixed"]["a"].sqnr_db > 60


@pytest.mark.parametrize(("samples", "seen"), [(1, 1), (3, 3), (9, 5)])
def test_only_the_first_samples_are_compared(overflowing: onnx.ModelProto, samples: int, seen: int) -> None:
    found = compare(overflowing, rows(1, 2, 3, 4, 5), samples=samples)
    assert (found.samples, found.first["a"].count, found.first["a"].ref_amax) == (seen, 4 * seen, 1000 * seen)


def test_candidates_share_the_reference_and_are_told_apart(overflowing: onnx.ModelProto) -> None:
    plans = {"fp16": FP16, "bf16": Candidate(PrecisionPlan("bf16")), "fp32": Candidate(PrecisionPlan("fp32"))}
    found = compare(overflowing, rows(70.3), plans)
    assert list(found.candidates) == ["fp16", "bf16", "fp32"]
    assert len({entry["a"].ref_amax for entry in found.candidates.values()}) == 1
    assert found.candidates["fp16"]["a"].sqnr_db == -math.inf
    assert 20 < found.candidates["bf16"]["a"].sqnr_db < 60
    assert found.candidates["fp32"]["a"].sqnr_db == math.inf


def test_a_fused_unit_rounds_once() -> None:
    net = int8_network()
    tensor, unit = (compare(net, dataset(pictures(1, 1)), rounding=rounding) for rounding in ("tensor", "unit"))
    assert (tensor.rounding, unit.rounding) == ("tensor", "unit")
    assert tensor.first["a"].sqnr_db < unit.first["a"].sqnr_db, "inside of the unit nothing is stored"


def test_int8_is_compared_with_its_ranges() -> None:
    plan = PrecisionPlan("fp32", {"third": "int8"})
    found = compare(
        int8_network(),
        dataset(pictures(1, 2)),
        {"good": Candidate(plan, Ranges({"d": 1.0})), "bad": Candidate(plan, Ranges({"d": 0.01}))},
    )
    good, bad = (found.candidates[name]["e"].sqnr_db for name in ("good", "bad"))
    assert good > 25 > 5 > bad


def test_memory_for_one_tensor_at_a_time_changes_nothing() -> None:
    net, data = int8_network(), dataset(pictures(1, 2))
    assert compare(net, data, memory=1) == compare(net, data)


def test_a_budget_that_was_exceeded_is_told(overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    held, lines = iter([Resident(10**8, 10**8), Resident(10**8, 4 * 10**8)]), list[str]()
    monkeypatch.setattr("trtflow.tasks.compare.resident", lambda: next(held))
    compare(overflowing, rows(1), memory=200_000_000, hooks=Hooks(log=lines.append))
    assert [line.split(":")[:2] for line in lines] == [["memory", " 300 MB were used where 200 MB were given"]]


def test_progress_is_told_for_every_sample(overflowing: onnx.ModelProto) -> None:
    told: list[tuple[int, int | None, str]] = []
    compare(overflowing, rows(1, 2), hooks=Hooks(lambda *entry: told.append(entry)))
    assert [text.split(",")[0] for *_, text in told] == ["sample 0", "sample 1"]


def test_values_are_those_of_a_plain_run(overflowing: onnx.ModelProto) -> None:
    figures = compare(overflowing, rows(3), {"fp32": Candidate()}).candidates["fp32"]
    np.testing.assert_allclose([figures[name].ref_mean for name in ("a", "b", "y")], [3000, 3, 4], rtol=1e-6)


def samples(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 4), value, np.float32)}) for value in values]


NINTH = samples(*[1.0] * 8, 70.0, 1.0, 1.0, 1.0)


def test_a_network_that_breaks_on_its_ninth_sample_only_is_seen_to_break(overflowing: onnx.ModelProto) -> None:
    found = compare(overflowing, NINTH)
    assert found.samples == 12
    assert [layer.node for layer in found.wrong("fp16")] == ["up", "down", "add"]
    figures = found.candidates["fp16"]
    assert {figures[layer.tensor].worst_sample for layer in found.layers} == {8}
    assert figures["a"].worst_differing_share == 1.0
    assert figures["a"].differing_share == pytest.approx(1 / 12)


def test_each_candidate_has_a_worst_sample_of_its_own(overflowing: onnx.ModelProto) -> None:
    mixed = Candidate(PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"}))
    found = compare(overflowing, samples(1.0, 70.0, 2.0003), {**ALL_FP16, "mixed": mixed})
    assert {name: tensors["y"].worst_sample for name, tensors in found.candidates.items()} == {"fp16": 1, "mixed": 2}
    assert found.wrong("mixed") == ()


def test_fewer_samples_are_compared_where_that_is_asked_for(overflowing: onnx.ModelProto) -> None:
    found = compare(overflowing, NINTH, samples=8)
    assert (found.samples, found.wrong("fp16")) == (8, ())


def test_samples_stream_by(overflowing: onnx.ModelProto) -> None:
    alive: list[int] = []

    class Counted(Sample):
        def __del__(self) -> None:
            alive.remove(id(self))

    def stream() -> Iterator[Sample]:
        for index in range(6):
            assert len(alive) <= 1
            sample = Counted({"x": np.full((1, 4), index + 1, np.float32)})
            alive.append(id(sample))
            yield sample
            del sample

    assert compare(overflowing, stream()).samples == 6


@pytest.mark.parametrize(
    ("fed", "said"),
    [
        ([1.0, float("nan"), 1.0], "sample 1: FP32's own output 'y' holds 4 NaN of 4 values"),
        ([1.0, 1.0, float("inf")], "sample 2: FP32's own output 'y' holds 4 infinite of 4 values"),
    ],
)
def test_a_reference_that_is_not_finite_is_refused_unless_it_is_meant(
    overflowing: onnx.ModelProto, fed: list[float], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        compare(overflowing, samples(*fed))
    assert compare(overflowing, samples(*fed), allow_nonfinite=True).samples == 3


def test_zeros_into_a_network_without_biases_are_no_reference(products: onnx.ModelProto) -> None:
    zeros, ones = (Sample({"x": np.full((1, 6), value, np.float32)}) for value in (0, 1))
    with pytest.raises(DataError, match="sample 0 and 1 others, all there are: FP32's own outputs hold nothing but"):
        compare(products, [zeros, zeros])
    assert compare(products, [zeros, ones]).samples == 2

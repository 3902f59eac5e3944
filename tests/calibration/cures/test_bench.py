"""What cures are tried on: one node quantized at a time, judged at the end outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spread_model import DATA, ROWS, bench, spread_model

from trtflow.calibration.cures.bench import HARM, MOST, Bench, State, _most
from trtflow.cures.clipping import Clipping
from trtflow.files.scales import TensorScale
from trtflow.numerics.calibration import Settings
from trtflow.progress import silent


def test_a_node_that_is_quantized_alone_shows_its_own_error() -> None:
    work = bench(spread_model(500.0))
    up, down, both = work.error(["up"]), work.error(["down"]), work.error(["up", "down"])
    assert 0 < up < down <= both * 1.01
    assert work.error([]) == 0


def test_a_node_whose_input_is_zero_throughout_is_no_place_for_a_cure() -> None:
    model = spread_model(1.0)
    tensors = {"x": TensorScale(amax=3.0, method="minmax"), "r": TensorScale(amax=0.0, method="minmax")}
    work = Bench(State(model, tensors), DATA, list(DATA)[:1], Settings(), silent)
    assert list(work.sites) == ["up"]


def test_measuring_fills_in_the_error_after_and_changes_nothing() -> None:
    work = bench(spread_model(1.0))
    before = work.error(["up"])
    trial = work.measure(Clipping(subject="up", nodes=("up",), before=before, after=before, shares=(0.3,)))
    assert trial.cure.after > before  # a third of the range is far too little
    assert trial.state == replace(work.state, cures=(trial.cure,))
    assert work.state.cures == ()


def test_the_weights_are_those_of_the_network_as_it_is() -> None:
    work = bench(spread_model(1.0))
    entries = {entry.site.node: entry for entry in work.weighted()}
    assert entries["up"].axis == 1
    assert entries["up"].weight.shape == (6, 16)
    assert list(entries) == ["up", "down"]


def test_tensors_stream_over_all_calibration_data() -> None:
    found = bench(spread_model(1.0)).staged(["x"]).fold(lambda name, array: array.shape[0], int.__add__)
    assert found == {"x": len(ROWS)}


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"a": HARM / 2, "b": HARM, "c": 1.0}, ["c", "b"]),
        ({str(index): 1.0 + index for index in range(MOST + 3)}, [str(index) for index in range(MOST + 2, 2, -1)]),
        ({"lost": np.inf, "fine": 0.0}, ["lost"]),
    ],
)
def test_the_worst_nodes_are_tried_and_no_more(errors: dict[str, float], expected: list[str]) -> None:
    assert _most(errors) == expected

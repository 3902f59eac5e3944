"""A data set is checked against the model that it judges, and its warnings become marks."""

from __future__ import annotations

import numpy as np
import pytest
from graph_models import f32, info, model, node
from numpy.typing import NDArray
from planted import dataset, int8_network, pictures

from trtflow.data import Dataset, Sample
from trtflow.files.data_facts import DataFacts
from trtflow.tasks.check_data import check_data, describe_inputs

NET = int8_network()
NOISE = np.random.default_rng(0).random((16, 3, 16, 16)).astype(np.float32)


def test_real_samples_have_no_marks() -> None:
    found = check_data(NET, dataset(pictures(1)))
    assert found.facts == DataFacts(source="pictures.npz", samples=12, distinct=12, batches={"x": 1})
    assert {(check.code, check.subject, check.verdict) for check in found.checks} == {
        ("R18", "samples", "ok"),
        ("R17", "x", "ok"),
    }


@pytest.mark.parametrize(
    ("images", "codes"),
    [(NOISE, ["R17"]), (NOISE[:2], ["R18", "R17"]), (pictures(1)[:1], ["R18"]), (NOISE * 0, ["R18", "R18"])],
    ids=["noise", "little noise", "one picture", "zeros"],
)
def test_each_warning_is_a_mark(images: NDArray[np.float32], codes: list[str]) -> None:
    found = check_data(NET, dataset(images))
    assert [mark.split(":")[0] for mark in found.facts.marks] == codes
    assert found.facts.distinct == len(np.unique(images, axis=0))


def test_the_largest_batch_is_known_of_inputs_that_leave_it_free() -> None:
    images = pictures(1)
    batches = Dataset("f.npz", lambda: iter([Sample({"x": images[:3]}), Sample({"x": images[3:8]})]))
    assert check_data(NET, batches).facts.batches == {"x": 5}
    fixed = int8_network()
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert check_data(fixed, dataset(images)).facts.batches == {}


@pytest.mark.parametrize("size", [1, 4, 12])
def test_a_batch_counts_as_the_samples_that_it_holds(size: int) -> None:
    assert check_data(NET, dataset(pictures(1), size)).facts.distinct == 12


def test_the_source_is_named_without_its_folder() -> None:
    data = Dataset("/home/me/data.py:pages", lambda: iter(dataset(NOISE)))
    assert check_data(NET, data).facts.source == "data.py:pages"


def test_words_are_not_described() -> None:
    proto = model([node("Relu", "x", "y")], [info("x", [1, 4])], [info("y", [1, 4])], [f32("unused", 1)])
    samples = [Sample({"x": np.ones((1, 4), np.float32), "words": np.array(["a"], object)})]
    assert set(describe_inputs(samples, proto)) == {"x"}

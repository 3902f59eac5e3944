"""What a calibrator reads is what was sampled, in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trtflow.trt.feeds import read_feeds, write_feeds

VALUES = arrays(np.float32, st.tuples(st.integers(0, 3), st.integers(1, 3)), elements=st.floats(-9, 9, width=32))


@given(st.lists(st.fixed_dictionaries({"a/b:0": VALUES, "x": VALUES}), max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_feeds_come_back_as_they_were(tmp_path_factory: object, feeds: list[dict[str, np.ndarray]]) -> None:
    folder: Path = tmp_path_factory.mktemp("feeds")  # type: ignore[attr-defined]
    found = [*read_feeds(write_feeds(feeds, folder / "calibration"))]
    assert len(found) == len(feeds)
    for one, other in zip(found, feeds, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)

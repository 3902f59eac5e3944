"""Cures come back from files as they were, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trtflow.cures import Cure
from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction
from trtflow.cures.rescaling import Rescaling
from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints, ModelReference, read_constraints, write_constraints
from trtflow.files.cures import in_effect, read_cures, write_cures
from trtflow.plan import PrecisionPlan

errors = st.floats(min_value=0)  # inf, too: what is not finite any more is infinitely wrong
names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
common = {"subject": names, "nodes": st.lists(names).map(tuple), "before": errors, "after": errors}
numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1).map(tuple)
cures = st.one_of(
    st.builds(
        Rescaling,
        kind=st.sampled_from(["equalisation", "migration"]),
        shifts=st.lists(st.integers(-6, 6)).map(tuple),
        **common,
    ),
    st.builds(Clipping, shares=numbers, **common),
    st.builds(Correction, bias=numbers, **common),
)


@given(st.lists(cures).map(tuple))
@settings(max_examples=50, deadline=None)
def test_both_files_give_back_what_was_written(found: tuple[Cure, ...]) -> None:
    decision = Constraints(model=ModelReference(path="m", sha256="0"), default="fp16", cures=found)
    with tempfile.TemporaryDirectory() as folder:
        write_cures(found, Path(folder) / "cures.json")
        assert read_cures(Path(folder) / "cures.json") == found
        write_constraints(decision, Path(folder) / "constraints.yaml")
        assert read_constraints(Path(folder) / "constraints.yaml") == decision


def test_what_is_not_quantized_keeps_its_weights_and_biases() -> None:
    about = {"nodes": ("a",), "before": 1.0, "after": 0.5}
    moved = Rescaling(kind="migration", subject="t", shifts=(1,), **about)
    kept, lost = (Clipping(subject=node, shares=(0.9,), **about) for node in ("a", "b"))
    assert in_effect([moved, kept, lost], PrecisionPlan("fp16", {"a": "int8"})) == (moved, kept)


@pytest.mark.parametrize("text", ["", "{}", '[{"kind": "magic"}]', '[{"kind": "weight clipping", "shares": "all"}]'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cures.json").write_text(text)
    with pytest.raises(PlanError, match="is no list of cures"):
        read_cures(tmp_path / "cures.json")

"""Each export says the decision in the other tool's own grammar, and for which versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from decisions import decision, int8_decision

from trtflow.data import Port
from trtflow.errors import PlanError
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.registry import EXPORTS, Export, find_export

REPOSITORY = Path(__file__).parents[3]
PORTS = (Port("x", np.dtype("float32"), (1,)),)
ANY = {"trtexec", "polygraphy", "modelopt", "onnxruntime", "torch-tensorrt"}
RANGES = {"calibration-cache", "ppq", "dynamic-ranges", "onnxruntime-table"}  # their readers know no comments


@pytest.mark.parametrize(
    ("made", "suiting"),
    [
        (decision("a"), ANY),
        (replace(decision("a"), outputs=PORTS), {*ANY, "triton"}),
        (int8_decision(), {*ANY, *RANGES, "onnxruntime-int8"}),
        (decision("b", a="fp8", scales={"x": 4.0}), ANY),
    ],
    ids=["FP16", "with its ports", "INT8", "FP8"],
)
def test_a_format_suits_where_it_says_something(made: Decision, suiting: set[str]) -> None:
    assert {name for name, row in EXPORTS.items() if row.suits(made)} == suiting


@pytest.mark.parametrize("name", sorted(EXPORTS.keys() - RANGES))
def test_a_text_says_near_its_top_what_reads_it(name: str) -> None:
    text = EXPORTS[name].write(replace(decision("a"), inputs=PORTS, outputs=PORTS))
    assert isinstance(text, str)
    head = text.splitlines()[:3]
    assert any("TensorRT" in line or "ModelOpt" in line for line in head)


@pytest.mark.parametrize("name", EXPORTS)
def test_the_page_on_files_has_each_with_its_versions(name: str) -> None:
    lines = (REPOSITORY / "docs" / "files.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith(f"| `{EXPORTS[name].file}` | `{name}` |"))
    assert row.endswith(f"| {EXPORTS[name].valid} |")


def test_no_two_write_the_same_file() -> None:
    assert len({row.file for row in EXPORTS.values()}) == len(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_format_is_found_by_its_name(name: str) -> None:
    found: Export = find_export(name)
    assert found is EXPORTS[name]


@pytest.mark.parametrize(("name", "hint"), [("trtexce", "; did you mean 'trtexec'?"), ("pytorch", "")])
def test_an_unknown_format_is_told_with_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        find_export(name)
    assert str(caught.value) == f"there is no format '{name}'; expected one of {', '.join(EXPORTS)}{hint}"

"""The child takes the first parser that takes the file, and says why where none does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import onnx
import parsed
import pytest
from parsed import needs_rtx

from trtflow.files.names import read_names
from trtflow.trt import names_child


def test_without_any_parser_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(names_child, "MODULES", ("tensorrt_of_nowhere",))
    assert names_child.main(tmp_path / "model.onnx", tmp_path / "names.csv", []) == 1
    assert capsys.readouterr().err == "neither tensorrt nor tensorrt_rtx is installed"


@needs_rtx
def test_a_module_that_cannot_parse_here_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_child, "MODULES", ("json", "tensorrt_rtx"))
    onnx.save(parsed.chain("d", "d"), tmp_path / "model.onnx")
    assert names_child.main(tmp_path / "model.onnx", tmp_path / "names.csv", []) == 0
    lines = (tmp_path / "names.csv").read_text().splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["d", "Sigmoid", "d", "ACTIVATION"], ["d", "Sigmoid", "d_0", "ACTIVATION"],
    ]  # fmt: skip
    assert [row.layer for row in read_names(tmp_path / "names.csv").rows] == ["d", "d_0"]


@pytest.mark.parametrize(("flags", "expected"), [({"EXPLICIT_BATCH": 0}, 1), ({"STRONGLY_TYPED": 1}, 0)])
def test_a_version_with_implicit_batches_is_told_otherwise(flags: dict[str, int], expected: int) -> None:
    trt = SimpleNamespace(NetworkDefinitionCreationFlag=SimpleNamespace(**flags))
    assert names_child._flags(trt) == expected

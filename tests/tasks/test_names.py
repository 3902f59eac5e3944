"""The names table is written by a parser in a process of its own, and what stops that stops nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import parsed
import pytest
from parsed import needs_rtx

from trtflow.files.names import NamesTable, read_names
from trtflow.tasks import names


@needs_rtx
def test_the_table_says_whose_it_is_and_each_node_is_there(tmp_path: Path) -> None:
    onnx.save(parsed.gemm(), tmp_path / "model.onnx")
    assert names.write_names_of(tmp_path / "model.onnx", tmp_path / "names.csv") == ""
    table = read_names(tmp_path / "names.csv")
    assert table.parser.startswith("TensorRT-RTX 1.")
    assert {node for row in table.rows for node in row.nodes} == {"gemm"}
    assert names.names_of(tmp_path / "model.onnx", tmp_path / "again.csv") == table


@needs_rtx
def test_a_file_that_the_parser_refuses_has_no_table_and_a_reason(tmp_path: Path) -> None:
    odd = parsed.model([onnx.helper.make_node("Odd", ["x"], ["y"], domain="own")], {"x": [1]}, ["y"])
    onnx.save(odd, tmp_path / "model.onnx")
    assert "Plugin not found" in names.write_names_of(tmp_path / "model.onnx", tmp_path / "names.csv")
    assert names.names_of(tmp_path / "model.onnx", tmp_path / "names.csv") == NamesTable()
    assert not (tmp_path / "names.csv").exists()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the parser crashes (SIGSEGV) on the file"),
        ("import time; time.sleep(9)", "the parser does not end within 1 s"),
        ("import sys; sys.exit('nothing is installed')", "nothing is installed"),
        ("import sys; sys.exit(3)", "status 3"),
    ],
)
def test_a_parser_that_ends_otherwise_is_told(
    code: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "CHILD", (sys.executable, "-c", code))
    monkeypatch.setattr(names, "TIMEOUT", 1.0)
    assert names.write_names_of(tmp_path / "model.onnx", tmp_path / "names.csv") == why

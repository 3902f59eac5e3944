"""names.csv holds a table without loss, whatever names are called."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trtflow.errors import PlanError
from trtflow.files.exports.layers import LayerName
from trtflow.files.names import COLUMNS, NamesTable, read_names, write_names

TABLE = NamesTable(
    "TensorRT 10.9",
    (
        LayerName("c", "CONSTANT", ("mul", "add"), "constant", ("c",), ("FLOAT",), (), "fused"),
        LayerName("top", "TOPK", ("top",), "own", ("v", ""), ("FLOAT", "INT32"), ("FLOAT", "SHAPE")),
        LayerName("trip", "TRIP_LIMIT", (), "helper", (), (), ("INT32",)),
    ),
)


def test_a_line_is_a_node_and_a_layer(tmp_path: Path) -> None:
    write_names(TABLE, {"mul": "Mul", "add": "Add", "top": "TopK"}, tmp_path / "names.csv")
    with (tmp_path / "names.csv").open(newline="") as file:
        lines = [*csv.reader(file)]
    end = "TensorRT 10.9"
    assert lines == [
        [*COLUMNS],
        ["mul", "Mul", "c", "CONSTANT", "constant", "c", "FLOAT", "", "fused", end],
        ["add", "Add", "c", "CONSTANT", "constant", "c", "FLOAT", "", "fused", end],
        ["top", "TopK", "top", "TOPK", "own", "v,", "FLOAT,INT32", "FLOAT,SHAPE", "", end],
        ["", "", "trip", "TRIP_LIMIT", "helper", "", "", "INT32", "", end],
    ]
    assert read_names(tmp_path / "names.csv") == TABLE


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
kinds = st.sampled_from(("FLOAT", "INT64", "SHAPE"))


@example(layers=["0"], nodes=[], tensors=["\r"], reads=["\n"])
@given(
    layers=st.lists(names, unique=True, max_size=4),
    nodes=st.lists(names, unique=True, max_size=3),
    tensors=st.lists(names | st.just(""), max_size=3),
    reads=st.lists(kinds, max_size=3),
)
def test_any_name_comes_back(layers: list[str], nodes: list[str], tensors: list[str], reads: list[str]) -> None:
    types = ("FLOAT",) * len(tensors)
    rows = [LayerName(one, "X", tuple(nodes), "own", tuple(tensors), types, tuple(reads)) for one in layers]
    table = NamesTable("p" if rows else "", tuple(rows))
    with TemporaryDirectory() as folder:
        write_names(table, {}, Path(folder) / "names.csv")
        assert read_names(Path(folder) / "names.csv") == table


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("node,layer\na,b\n")
    with pytest.raises(PlanError, match="expected the columns node, op, layer, layer type"):
        read_names(tmp_path / "names.csv")

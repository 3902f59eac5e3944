"""``names.csv``: which layers of TensorRT's network, and of its engine, each ONNX node became."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from trtflow.errors import PlanError
from trtflow.files.exports.layers import LayerName

COLUMNS = ("node", "op", "layer", "layer type", "role", "tensors", "types", "reads", "engine layer", "parser")

END = "\r\n"


@dataclass(frozen=True)
class NamesTable:
    """A row a layer, in the network's order; ``parser`` is whose network it is: name and version."""

    parser: str = ""
    rows: tuple[LayerName, ...] = ()


def write_names(table: NamesTable, ops: Mapping[str, str], path: Path) -> None:
    """Write a line per node and layer, one without node for a layer that serves none; ``ops``: node → operator."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(line for row in table.rows for line in _lines(row, ops, table.parser))


def read_names(path: Path) -> NamesTable:
    """Read what ``write_names`` wrote.

    Raises:
        PlanError: the file is no such table.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise PlanError(f"{path.name}: expected the columns {', '.join(COLUMNS)}, as a run writes them.")
        lines = [*reader]
    rows = [_row([*group]) for _, group in groupby(lines, key=lambda line: line["layer"])]
    return NamesTable(lines[0]["parser"] if lines else "", tuple(rows))


def _lines(row: LayerName, ops: Mapping[str, str], parser: str) -> Iterator[tuple[str, ...]]:
    lists = map(_cell, (row.tensors, row.types, row.reads))
    rest = (row.layer, row.kind, row.role, *lists, row.engine_layer, parser)
    for node in row.nodes or ("",):
        yield node, ops.get(node, ""), *rest


def _row(lines: list[dict[str, str]]) -> LayerName:
    first = lines[0]
    return LayerName(
        layer=first["layer"],
        kind=first["layer type"],
        nodes=tuple(line["node"] for line in lines if line["node"]),
        role=first["role"],
        tensors=_list(first["tensors"], first["types"]),
        types=_list(first["types"]),
        reads=_list(first["reads"]),
        engine_layer=first["engine layer"],
    )


def _cell(names: Iterable[str]) -> str:
    """A list inside a cell, as a line of CSV itself: one name stands there as it is."""
    line = io.StringIO()
    csv.writer(line, lineterminator=END).writerow([*names])  # which quotes what holds a part of the line's end
    text = line.getvalue().removesuffix(END)
    return "" if text == '""' else text


def _list(cell: str, beside: str = "") -> tuple[str, ...]:
    return tuple(next(csv.reader(io.StringIO(cell, newline="")), [""] if beside else []))

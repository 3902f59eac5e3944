"""The step says what a file's own pairs cost, in a sentence and a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from quantized_models import convolutions, samples
from stepping import Done, run_step

from trtflow.files.document import read_document
from trtflow.files.pairs import PairCosts
from trtflow.steps import calibrate, inspect, pairs


def project(folder: Path, net: onnx.ModelProto) -> dict[str, object]:
    """The options that name ``net`` and eight samples in ``folder``."""
    onnx.save(net, folder / "net.onnx")
    np.savez(folder / "data.npz", x=np.concatenate([feed["x"] for feed in samples()]))
    return {"model": folder / "net.onnx", "data": {"source": str(folder / "data.npz")}}


def measured(folder: Path, net: onnx.ModelProto) -> Done:
    return run_step(pairs, folder / "pairs", **project(folder, net))


def test_the_costs_are_told_and_written(tmp_path: Path) -> None:
    done = measured(tmp_path, convolutions())
    found = read_document(PairCosts, done.folder / "pairs.json")
    assert found.samples == 8
    sqnr = f"sqnr {found.held['sqnr']:.4g}"
    assert done.result.summary == f"with its own pairs, against the same network without them: {sqnr} (8 samples)"
    assert done.result.table is not None
    assert done.result.table.title.endswith(f"with all of them {sqnr}")
    assert {row[0] for row in done.result.table.rows} == {"one", "two", "three"}


def test_floats_have_none_to_measure(tmp_path: Path) -> None:
    done = measured(tmp_path, convolutions(paired=()))
    assert done.result.summary == "the file has no Q/DQ pairs of its own"
    assert done.result.table is None


def test_inspect_tells_of_pairs_first_and_takes_them_out_on_request(tmp_path: Path) -> None:
    given = {"model": project(tmp_path, convolutions())["model"]}
    kept = run_step(inspect, tmp_path / "kept", **given).result
    assert kept.summary.endswith("Quantized already: activations in INT8 (3), weights in INT8 (3)")
    assert kept.table is not None
    assert [row[-1] for row in kept.table.rows] == [3, 3]
    gone = run_step(inspect, tmp_path / "gone", **given, requantize=True).result
    assert gone.summary == "8 nodes, 8 of them can take a low precision, 1 note"
    assert gone.table is not None
    assert gone.table.columns == ("note",)


def test_calibrate_has_nothing_to_do(tmp_path: Path) -> None:
    done = run_step(calibrate, tmp_path / "calibrate", **project(tmp_path, convolutions()))
    assert done.result.summary == "nothing to calibrate: the file's own Q/DQ pairs are analysed as they are"

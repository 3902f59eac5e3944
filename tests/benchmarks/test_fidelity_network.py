"""Both sides of a network: with the emulator in the GPU's place they are one."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import fidelity_network
import fidelity_standin
import numpy as np
import pytest
from fidelity_metrics import cer
from fidelity_network import Options, ends, layers, placed
from fidelity_networks import SQNR, Network, pack, packed, unpacked
from onnx import ModelProto, TensorProto, helper, numpy_helper, save

from trtflow.data import Sample
from trtflow.runners import registry

ROOT = Path(__file__).parents[2]
OPTIONS = Options("fp16", stand_in=True, samples=2, memory=100_000_000)


def overflowing() -> ModelProto:
    """x · 1e4, then ÷ 1e4, then a product: FP16 loses all of it beyond 6.5."""
    weights = [
        numpy_helper.from_array(np.float32(1e4), "large"),
        numpy_helper.from_array(np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32), "w"),
    ]
    nodes = [
        helper.make_node("Mul", ["x", "large"], ["up"], "up"),
        helper.make_node("Div", ["up", "large"], ["down"], "down"),
        helper.make_node("MatMul", ["down", "w"], ["y"], "product"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 8)) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "overflowing", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(registry.BACKENDS, "cuda", fidelity_standin.StandIn())  # type: ignore[misc]
    save(overflowing(), tmp_path / "network.onnx")
    samples = [Sample({"x": np.full((1, 8), scale, np.float32)}) for scale in (1.0, 20.0, 2.0, 3.0)]
    made = tmp_path / "models-1" / "unet"
    pack("unet", Network("a test", lambda: (tmp_path / "network.onnx", samples), SQNR), made)
    return made


def test_a_packed_network_is_found_and_comes_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    assert list(packed(tmp_path)) == [folder]
    assert list(packed(tmp_path, ["minilm"])) == []
    assert unpacked(folder).read_bytes() == (tmp_path / "network.onnx").read_bytes()


def test_the_command_takes_what_was_packed(folder: Path) -> None:
    unpacked(folder)
    words = [sys.executable, "-m", "trtflow", "run", str(folder / "unet.yaml"), "--dry-run"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_verdicts_at_both_ends_and_of_the_plan_agree_with_the_stand_in(folder: Path) -> None:
    found = ends(folder, OPTIONS, {"commands": {"emulated": {"plan": {"default": "fp16", "nodes": {"up": "fp32"}}}}})
    verdicts = {name: (end["emulated"]["accepted"], end["real"]["accepted"]) for name, end in found.items()}
    assert verdicts == {"low": (False, False), "plan": (False, False), "fp32": (True, True)}
    assert found["low"]["emulated"]["metrics"] == found["low"]["real"]["metrics"]


def test_without_a_plan_the_ends_are_measured_all_the_same(folder: Path) -> None:
    assert ends(folder, OPTIONS, {"commands": {"failed": "no such file"}}).keys() == {"low", "fp32"}


def test_layers_are_compared_on_the_samples_that_break_and_under_the_plan_on_all_kinds(folder: Path) -> None:
    plan = {"default": "fp16", "nodes": {"up": "fp32", "down": "fp32"}}
    found = layers(folder, OPTIONS, {"commands": {"emulated": {"plan": plan}}})
    low, mixed = found["low"], found["plan"]
    assert low["both_nonfinite"] == 3
    assert (low["emulated_only"], low["real_only"]) == ((), ())
    assert mixed["both_nonfinite"] == 0
    assert all(ratio == pytest.approx(1) for ratio in mixed["ratios"] if ratio == ratio)


def test_what_is_fused_and_where_it_runs_is_told(folder: Path) -> None:
    found = placed(folder, OPTIONS, {})
    assert found.keys() == {"fused", "marked", "cpu"}
    assert found["cpu"]["MatMul"] == 1


def test_a_part_that_fails_leaves_the_others_their_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> dict[str, object]:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(fidelity_network, "PARTS", {"ends": broken, "placement": placed})
    monkeypatch.setattr(sys, "argv", ["", str(folder), "--out", str(tmp_path / "out.json"), "--stand-in"])
    fidelity_network.main()
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["ends"] == {"failed": "RuntimeError: no kernel"}
    assert told["placement"]["cpu"]["MatMul"] == 1
    assert told["seconds"].keys() == {"ends", "placement"}


def test_a_network_that_was_packed_badly_is_refused_when_it_is_unpacked(folder: Path) -> None:
    (folder / "model.onnx.xz").write_bytes(b"not compressed")
    with pytest.raises(lzma.LZMAError):
        unpacked(folder)


@pytest.mark.parametrize(("read", "errors"), [([1, 1, 0, 2, 4], 0.0), ([1, 0, 0, 4, 0], 0.5), ([3, 0, 3, 0, 3], 1.5)])
def test_characters_are_read_without_blanks_repeats_and_spaces(read: list[int], errors: float) -> None:
    scores = np.eye(5, dtype=np.float32)[None, read]
    assert cer([{"y": scores}], [np.array([1, 2])])["cer"] == errors

"""Arguments of trtexec, in a grammar without escapes: what it cannot say is said in comments."""

from __future__ import annotations

import pytest
from decisions import cured_decision, decision, int8_decision

from trtflow.files.exports import trtexec
from trtflow.files.exports.decision import Decision


def arguments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (decision(), ["--fp16"]),
        (
            decision("/a/Conv", "b:0"),
            [
                "--fp16",
                "--precisionConstraints=obey",
                "--layerPrecisions=/a/Conv:fp32,b:0:fp32",
                "--layerOutputTypes=/a/Conv:fp32,b:0:fp32",
            ],
        ),
        (
            int8_decision(),
            [
                "--fp16",
                "--int8",
                "--calib=calibration.cache",
                "--precisionConstraints=obey",
                "--layerPrecisions=a:int8,b:fp32",
                "--layerOutputTypes=b:fp32",
            ],
        ),
        (
            decision(a="int8"),
            [
                "--fp16",
                "--int8",
                "--calib=calibration.cache",
                "--precisionConstraints=obey",
                "--layerPrecisions=a:int8",
            ],
        ),
        (decision(a="fp8", scales={"x": 4.0}), ["--fp16"]),
    ],
    ids=["no node", "kept nodes", "INT8", "INT8 alone", "FP8 lives in the mixed model only"],
)
def test_each_node_gets_its_precision_and_float_ones_their_output_type(made: Decision, expected: list[str]) -> None:
    assert arguments(trtexec.write(made)) == expected


@pytest.mark.parametrize("name", ["a,b", "it's", "a b", "a\tb"])
def test_a_name_that_trtexec_cannot_say_is_named(name: str) -> None:
    text = trtexec.write(decision(name, "c"))
    assert f"use polygraphy_postprocess.py: {name}" in text
    assert "--layerPrecisions=c:fp32" in text


@pytest.mark.parametrize(("count", "told"), [(1000, False), (20_000, True)])
def test_an_argument_that_linux_would_refuse_is_told(count: int, told: bool) -> None:
    names = (f"/layer{index}" for index in range(count))
    assert ("# Too long for one argument on Linux" in trtexec.write(decision(*names))) is told


def test_what_the_mixed_model_alone_has_is_told() -> None:
    assert "# Only the mixed ONNX has the weight clipping." in trtexec.write(cured_decision()).splitlines()
    assert "# trtexec may run other layers in INT8, too" in trtexec.write(cured_decision())

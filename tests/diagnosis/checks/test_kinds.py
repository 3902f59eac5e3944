"""Pictures, sounds and volumes are told by what reads them; tables, tokens, embeddings and latents are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node

from trtflow.diagnosis.checks.kinds import Kind, kind_of
from trtflow.model.first_layers import first_layers


def kind(
    shape: Sequence[int], *nodes: onnx.NodeProto, weight: Sequence[int] = (4, 3, 3, 3), **more: Any
) -> Kind | None:
    """Of the input ``x`` with ``shape``, which ``nodes`` read; ``w`` is a weight."""
    fixed = [f32("w", np.ones(weight)), i64("axes", [1]), i64("step", 4), f32("m", np.ones((shape[-1], 2)))]
    ports = [info("x", shape), *more.pop("inputs", [])], more.pop("outputs", [info("y", None)])
    proto = model(nodes, *ports, fixed)
    return kind_of(proto, "x", tuple(shape), first_layers(proto)["x"])


TURN = node("Transpose", "x", "t", perm=[0, 3, 1, 2])
CONV, STRIDED = node("Conv", "x w", "y"), node("Conv", "x w", "y", strides=[4])


@pytest.mark.parametrize(
    ("shape", "nodes", "weight", "expected"),
    [
        ((1, 3, 32, 32), [CONV], (4, 3, 3, 3), "picture"),
        ((1, 1, 32, 8), [CONV], (4, 1, 3, 3), "picture"),
        ((1, 32, 32, 4), [TURN, node("Conv", "t w", "y")], (4, 4, 1, 1), "picture"),
        ((1, 3, 7, 32), [CONV], (4, 3, 3, 3), None),
        ((1, 16, 32, 32), [CONV], (4, 16, 3, 3), None),
        ((1, 3, 32, 32), [node("Relu", "x", "y")], (4, 3, 3, 3), None),
        ((1, 1, 16, 16, 16), [CONV], (4, 1, 3, 3, 3), "volume"),
        ((1, 3, 32, 32), [node("Conv", "x w", "y", kernel_shape=[3])], (4, 3, 3), None),
        ((1, 1, 400), [STRIDED], (4, 1, 8), "sound"),
        ((1, 400), [node("Unsqueeze", "x axes", "u"), node("Conv", "u w", "y", strides=[4])], (4, 1, 8), "sound"),
        ((1, 400, 1), [node("STFT", "x step", "y")], (1,), "sound"),
        ((1, 1, 400), [CONV], (4, 1, 8), None),
        ((1, 80, 400), [STRIDED], (4, 80, 8), None),
        ((1, 1, 100), [STRIDED], (4, 1, 8), None),
        ((1, 400), [node("MatMul", "x m", "y")], (1,), None),
        ((400,), [node("Gather", "w x", "y")], (9, 3), None),
    ],
    ids=[
        *("picture", "grey", "channels last", "a strip", "features", "no convolution"),
        *("volume", "another rank"),
        *("sound", "sound without channels", "spectrum", "a row of a table", "spectrogram", "short"),
        *("table", "tokens"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_shape_and_reader(
    shape: Sequence[int], nodes: list[onnx.NodeProto], weight: Sequence[int], expected: Kind | None
) -> None:
    assert kind(shape, *nodes, weight=weight) == expected


@pytest.mark.parametrize(
    ("time", "returned", "expected"),
    [
        (info("t", [1]), (1, 4, 32, 32), None),
        (info("t", []), (1, 4, 32, 32), None),
        (info("t", [1, 77, 8]), (1, 4, 32, 32), "picture"),
        (info("t", [], onnx.TensorProto.BOOL), (1, 4, 32, 32), "picture"),
        (info("t", [1]), (1, 1, 32, 32), "picture"),
    ],
    ids=["a step of a diffusion", "its time a scalar", "a text, no time", "a flag", "a mask comes out"],
)
def test_what_a_diffusion_denoises_may_be_noise(
    time: onnx.ValueInfoProto, returned: Sequence[int], expected: Kind | None
) -> None:
    found = kind((1, 4, 32, 32), CONV, weight=(4, 4, 1, 1), inputs=[time], outputs=[info("y", returned)])
    assert found == expected


def test_an_output_that_is_no_tensor_is_passed_over() -> None:
    words = onnx.helper.make_tensor_sequence_value_info("y", onnx.TensorProto.FLOAT, None)
    assert kind((1, 3, 32, 32), CONV, outputs=[words]) == "picture"

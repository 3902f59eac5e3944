"""A decision fits a model when all that it names is there, in the sizes that it was made for."""

from __future__ import annotations

from typing import Any

import pytest
from graph_models import f32, info, model, node, random

from trtflow.cures import Cure
from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction
from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.rewriting.misfits import misfits

NETWORK = model(
    [
        node("Conv", "x w0 b0", "c0"),
        node("Relu", "c0", "r0"),
        node("Conv", "r0 w1 b1", "c1"),
        node("Flatten", "c1", "flat"),
        node("MatMul", "flat wm", "y"),
    ],
    [info("x", [1, 3, 4, 4])],
    [info("y", None)],
    [
        *(f32("w0", random(4, 3, 1, 1)), f32("b0", random(4)), f32("w1", random(2, 4, 1, 1)), f32("b1", random(2))),
        f32("wm", random(32, 5)),
    ],
)
SCALES = {"x": 1.0, "r0": 1.0}


def decision(**fields: Any) -> Constraints:
    return Constraints(model=ModelReference(path="m", sha256="0"), **{"default": "fp16", **fields})


def int8(*cures: Cure, **scales: float) -> Constraints:
    return decision(default="int8", cures=cures, scales=SCALES | scales)


def cure(made: type[Any], subject: str, **fields: Any) -> Any:
    return made(subject=subject, nodes=(), before=1.0, after=0.5, **fields)


def rescaling(subject: str, channels: int) -> Rescaling:
    found: Rescaling = cure(Rescaling, subject, kind="equalisation", shifts=(1,) * channels)
    return found


FITS = {
    "nothing": decision(),
    "a node": decision(nodes={"n_r0": Node(precision="fp32", op="Relu", reason="R01")}),
    "scales of all but output layers": int8(),
    "a rescaling": int8(rescaling("r0", 4)),
    "a clipping per channel": int8(cure(Clipping, "n_c1", shares=(1.0, 0.9))),
    "a correction": int8(cure(Correction, "n_c0", bias=(0.0,) * 4)),
}


@pytest.mark.parametrize("given", FITS.values(), ids=FITS)
def test_a_decision_that_fits_has_no_misfits(given: Constraints) -> None:
    assert misfits(given, NETWORK) == ()


MISFITS = {
    "a node": (
        decision(nodes={"n_r1": Node(precision="fp32", op="Relu", reason="R01")}),
        "there is no node n_r1; did you mean 'n_r0'?",
    ),
    "a node like no other": (
        decision(nodes={"encoder": Node(precision="fp32", op="Relu", reason="R01")}),
        "there is no node encoder",
    ),
    "the node of a cure": (
        int8(cure(Correction, "n_c2", bias=(0.0,))),
        "there is no node n_c2; did you mean 'n_c1'?",
    ),
    "the tensor of a rescaling": (
        int8(rescaling("flatt", 4)),
        "equalisation: there is no tensor flatt; did you mean 'flat'?",
    ),
    "a place to rescale": (
        int8(rescaling("c0", 4)),
        "equalisation: range cannot move at c0, for other operators make it or read it now",
    ),
    "the channels of a rescaling": (int8(rescaling("r0", 3)), "equalisation: r0 has 4 channels, the decision 3"),
    "the channels of a clipping": (
        int8(cure(Clipping, "n_c1", shares=(1.0,))),
        "weight clipping: n_c1 has 2 channels, the decision 1",
    ),
    "the channels of a correction": (
        int8(cure(Correction, "n_c0", bias=(0.0,))),
        "bias correction: n_c0 has 4 channels, the decision 1",
    ),
    "constant weights": (
        int8(cure(Clipping, "n_r0", shares=(1.0,))),
        "weight clipping: n_r0 has no constant weights here, or a bias that is computed",
    ),
    "a bias to correct": (
        int8(cure(Correction, "n_y", bias=(0.0,) * 5), flat=1.0),
        "bias correction: n_y has no constant weights here, or a bias that is computed",
    ),
    "a scale": (
        decision(default="int8", scales={"x": 1.0, "r0x": 1.0}),
        "n_c1 reads r0, for which there is no scale; did you mean 'r0x'?",
    ),
    "the scale of an output layer that is asked for": (
        decision(nodes={"n_y": Node(precision="int8", op="MatMul", reason="R20")}),
        "n_y reads flat, for which there is no scale",
    ),
}


@pytest.mark.parametrize(("given", "line"), MISFITS.values(), ids=MISFITS)
def test_what_is_missing_or_of_another_size_is_a_line(given: Constraints, line: str) -> None:
    assert misfits(given, NETWORK) == (line,)


def test_every_misfit_is_told() -> None:
    given = decision(default="int8", cures=(rescaling("r0", 3), cure(Correction, "n_c0", bias=(0.0,))))
    assert [line.split(" ")[0] for line in misfits(given, NETWORK)] == ["equalisation:", "bias", "n_c0", "n_c1"]


def test_a_clipping_in_fp8_has_one_share() -> None:
    one = decision(default="fp8", scales=SCALES, cures=(cure(Clipping, "n_c1", shares=(0.9,)),))
    assert misfits(one, NETWORK) == ()

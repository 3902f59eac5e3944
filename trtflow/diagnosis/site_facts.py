"""What the rules of an INT8 diagnosis ask of a model: places of Q/DQ pairs, what meets there, their constants."""

from __future__ import annotations

import numpy as np
import onnx

from trtflow.diagnosis.int8 import Joint, SiteFacts, WeightFacts
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.constants import values
from trtflow.model.scopes import Scope
from trtflow.numerics.ranges import channel_peaks, spread
from trtflow.qdq.placement import Site, Weight, sites

SAME_RANGE = frozenset(
    {"Dropout", "Flatten", "Identity", "MaxPool", "Pad", "Relu", "Reshape", "Resize", "Squeeze", "Transpose"}
    | {"Unsqueeze", "Upsample"}
)
"""Operators behind which branches of one tensor still have the ranges that they had before."""


def site_facts(model: onnx.ModelProto) -> list[SiteFacts]:
    """The nodes of ``model`` that can be quantized, output layers too, as the rules see them."""
    analysis = analyse(model)
    return [_facts(site, analysis) for site in sites(analysis)]


def _facts(site: Site, analysis: Analysis) -> SiteFacts:
    main = analysis.scopes[0]
    found = [_joint(name, main) for name in site.tensors]
    if site.op == "Add":
        found.append(Joint(analysis.by_name[site.node][1].output[0], "Add", site.tensors))
    joints = tuple(joint for joint in found if joint is not None)
    return SiteFacts(site.node, site.tensors, tuple(_weight(entry, site.op, main) for entry in site.weights), joints)


def _joint(tensor: str, main: Scope) -> Joint | None:
    """The Concat or the sum behind ``tensor``, if there is one."""
    node = main.producer(tensor)
    while node is not None and node.op_type in SAME_RANGE:
        node = main.producer(node.input[0])
    if node is None or node.op_type not in ("Concat", "Add"):
        return None
    branches = tuple(dict.fromkeys(name for name in node.input if main.constant(name) is None))
    return Joint(tensor, node.op_type, branches) if len(branches) > 1 else None


def _weight(weight: Weight, op: str, main: Scope) -> WeightFacts:
    held = main.constant(weight.tensor)
    assert held is not None  # noqa: S101 - a site's weight is a constant
    array = np.asarray(values(held))
    own = 0 if op in ("Conv", "ConvTranspose") else -1  # where channels lie that have one scale all the same
    wide = spread(channel_peaks(array, own if weight.axis is None else weight.axis)) if array.ndim > 1 else None
    return WeightFacts(weight.tensor, 1.0 if wide is None else wide, weight.axis is not None)

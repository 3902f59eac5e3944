"""What meets at a place for a Q/DQ pair, and how unequal the channels of its weights are."""

from __future__ import annotations

import numpy as np
from graph_models import f32, info, model, node, random

from trtflow.diagnosis.int8 import Joint, SiteFacts
from trtflow.diagnosis.site_facts import site_facts


def _facts() -> dict[str, SiteFacts]:
    wide = random(4, 4, 1, 1, seed=2)
    wide[0] *= 1000
    nodes = [
        node("Conv", "x w0", "a"),
        node("Relu", "x", "r"),
        node("Concat", "a r", "k", axis=1),
        node("MaxPool", "k", "p", kernel_shape=[1, 1]),
        node("Conv", "p w1", "b"),
        node("ConvTranspose", "b wt", "t", group=4),
        node("Add", "t b", "s"),
        node("Relu", "s", "q"),
        node("Conv", "q w0", "c"),
        node("Add", "c bias", "d"),
        node("Conv", "d w0", "e"),
        node("Conv", "e w0", "y"),
    ]
    weights = [f32("w0", wide), f32("w1", random(4, 8, 1, 1, seed=3)), f32("wt", wide.reshape(4, 4, 1, 1)[:, :1])]
    weights.append(f32("bias", np.ones((4, 1, 1))))
    shapes = [info("x", ["N", 4, 8, 8])], [info("y", ["N", 4, 8, 8])]
    return {facts.node: facts for facts in site_facts(model(nodes, *shapes, weights))}


def test_a_concat_is_seen_through_operators_that_keep_ranges() -> None:
    assert _facts()["n_b"].joints == (Joint("p", "Concat", ("a", "r")),)


def test_a_residual_sum_is_a_joint_for_itself_and_for_what_reads_it() -> None:
    facts = _facts()
    assert facts["n_s"].joints == (Joint("s", "Add", ("t", "b")),)
    assert facts["n_c"].joints == (Joint("q", "Add", ("t", "b")),)


def test_a_bias_is_no_branch() -> None:
    assert _facts()["n_e"].joints == ()


def test_only_weights_with_one_scale_count_as_such() -> None:
    facts = _facts()
    (each,), (all_in_one,) = facts["n_a"].weights, facts["n_t"].weights
    assert (each.name, each.per_channel) == ("w0", True)
    assert (all_in_one.name, all_in_one.per_channel) == ("wt", False)
    assert each.spread > 100
    assert all_in_one.spread > 100
    assert facts["n_b"].weights[0].spread < 10

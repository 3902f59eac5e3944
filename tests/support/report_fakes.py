"""Documents and summaries that look like real runs, for the tests and for looking at the page."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from trtflow.files.checks import Check
from trtflow.files.findings import Finding, Reason
from trtflow.files.outcomes import BuildOutcome, ModelFacts, RewriteOutcome
from trtflow.files.scales import Scales, TensorScale
from trtflow.files.search import BaselineEntry, Because, EightBits, EvaluationEntry, LeftOut, SearchDocument, Word
from trtflow.files.statistics import Statistics
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.report.model import Card, File, MetricRow, RunSummary, Verdict

PARTS = (("conv", "Conv"), ("bn", "BatchNormalization"), ("relu", "Relu"))
KEPT = (0, 1, 2)  # depths of what stays in FP32
OVERFLOW = Reason("R01", "values beyond the range of FP16", "Divide the input by 4.")
CONSTANT = Reason("R04", "a constant that FP16 cannot hold", "Clamp it in the model.")
TINY = Reason("R06", "activations below FP16's normal range", "Nothing to do.")


def layers(count: int) -> tuple[Layer, ...]:
    """The layers of a U-Net-like network, one a node."""
    made = []
    for depth in range(count):
        block, part = divmod(depth, 3)
        side = "down" if block < count // 6 else "up"
        name, op = PARTS[part]
        node = f"/{side}{block // 2}/block{block % 2}/{name}/{op}"
        made.append(Layer(f"{node}_output_0", node, op, depth))
    return tuple(made)


def nodes(count: int, depths: Collection[int]) -> tuple[str, ...]:
    """The names of the nodes at ``depths``."""
    return tuple(layer.node for layer in layers(count) if layer.depth in depths)


def few_layers(**values: Sequence[float]) -> Statistics:
    """A candidate "fp16" of one layer per value, in which the field of that name is set to it."""
    (name, numbers), *_ = values.items()
    found = layers(len(numbers))
    names = (name, "worst_differing_share") if name == "differing_share" else (name,)
    figures = {
        layer.tensor: replace(Figures(), **dict.fromkeys(names, value))
        for layer, value in zip(found, numbers, strict=True)
    }
    return Statistics(samples=1, rounding="tensor", layers=found, candidates={"fp16": figures})


def _amax(depth: int, count: int, rng: random.Random) -> float:
    """Raw sensor counts at first, then normalised activations that shrink."""
    base = 9.1e4 * 2.2 ** (1 - depth) if depth < 6 else 30 * math.exp(-3 * depth / count)
    return base * math.exp(rng.gauss(0, 0.5))


def figures(depth: int, count: int, rng: random.Random, damage: float) -> Figures:
    """One layer; ``damage`` in dB is taken off a healthy SQNR, infinite damage makes the layer non-finite."""
    total = 40 * 256 * 256 // (1 + depth // 6)
    dead = damage == math.inf
    sqnr = 74 - 12 * depth / count - (0 if dead else damage) + rng.gauss(0, 1.2)
    share = 1 / 3 if dead else min(1.0, 10 ** (-sqnr / 20) * 3)
    amax = _amax(depth, count, rng)
    error = amax * 10 ** (-sqnr / 20)
    return Figures(
        count=total,
        differing=int(total * share),
        differing_share=int(total * share) / total,
        worst_differing_share=int(total * share) / total,
        max_abs=math.inf if dead else error * 6,
        mean_abs=math.inf if dead else error / 8,
        sqnr_db=-math.inf if dead else sqnr,
        cosine=0.0 if dead else 1 - 10 ** (-sqnr / 10) / 2,
        ref_amax=amax,
        cand_nan=total // 9 if dead else 0,
        cand_inf=total // 40 if dead else 0,
        beyond_fp16_share=0.003 if amax > 65504 else 0.0,
        below_normal_share=min(0.4, 0.02 * rng.random()),
    )


EXACT = {
    "sqnr_db": math.inf,
    "max_abs": 0.0,
    "mean_abs": 0.0,
    "differing": 0,
    "differing_share": 0.0,
    "worst_differing_share": 0.0,
    "cosine": 1.0,
}


def candidate(count: int, *, healthy: bool) -> dict[str, Figures]:
    """All layers. Unhealthy ones overflow at depths 1 to 4 and stay bad after them; healthy ones keep the first."""
    rng = random.Random(7)  # noqa: S311 - shapes of a picture, not secrets
    made = {}
    for layer in layers(count):
        depth = layer.depth
        damage = 0.0 if healthy or depth == 0 else math.inf if depth < 5 else 52.0 + 3 * math.sin(depth / 3)
        found = figures(depth, count, rng, damage)
        made[layer.tensor] = replace(found, **EXACT) if healthy and depth in KEPT else found
    return made


def statistics(count: int = 60, *, accepted: bool = True) -> Statistics:
    """FP16 everywhere, and the mixed plan."""
    both = {"fp16": candidate(count, healthy=False), "mixed": candidate(count, healthy=accepted)}
    return Statistics(samples=4, rounding="tensor", layers=layers(count), candidates=both)


def plan(count: int = 60) -> PrecisionPlan:
    """The first layers in FP32, the others in FP16."""
    return PrecisionPlan("fp16", dict.fromkeys(nodes(count, KEPT), "fp32"))


def finding(node: str = "n", code: str = "R01", text: str = "reaches 91,235", **evidence: float) -> Finding:
    """One that explains a loss by itself."""
    return Finding(code, node, text, evidence, certain=True)


NEEDED: tuple[Word, ...] = ("needed", "needed", "constant")


def because(count: int = 60, words: Sequence[Word] = NEEDED) -> dict[str, Because]:
    """Why each of the three is kept."""
    kept = zip(nodes(count, KEPT), words, strict=True)
    return {node: Because(word=word, text=f"as {word} nodes are") for node, word in kept}


def search(count: int = 60, *, accepted: bool = True, **changes: Any) -> SearchDocument:
    """A search that tests the ends, ranks, gallops, shrinks and verifies; its fifth plan could not be measured."""
    kept = len(KEPT)
    phases = [("ends", 0), ("ends", count)]
    phases += [("rank", count - 1)] * 5
    phases += [("gallop", size) for size in (1, 2, 4, 8)]
    phases += [("shrink", size) for size in (6, 5, 4, 3, kept, kept - 1)]
    phases += [("verify", kept)]
    evaluations = tuple(
        EvaluationEntry(
            index=index,
            phase=phase,
            kind="probe" if phase == "rank" else "full",
            high=high,
            cost=high / count,
            accepted=None if index == 4 else accepted and high >= kept,
            margin=0.0,
            metrics={} if index == 4 else {"iou": 0.102 if high < kept else 0.9507 - 0.0001 * index},
        )
        for index, (phase, high) in enumerate(phases)
    )
    found = SearchDocument(
        strategy="trtflow",
        made_by={"trtflow": "0.1.0", "onnxruntime": "1.32.0", "runner": "emulated"},
        data="eval.npz",
        low="fp16",
        accepted=accepted,
        minimal=True,
        reason="1-minimal",
        kept=nodes(count, KEPT),
        because=because(count),
        lowered=count - kept,
        builds=1,
        cost=0.051,
        node_costs=dict(zip(nodes(count, KEPT), (0.013, 0.017, 0.021), strict=True)),
        samples=16,
        held_out=8,
        judged_on=24,
        accept={"iou": {"drop": 0.005}},
        metrics={"reference": {"iou": 0.9512}, "low": {"iou": 0.102}, "candidate": {"iou": 0.9501}},
        evaluations=evaluations,
        baselines=(
            BaselineEntry(name="bisect", kept=17, accepted=True, evaluations=7, cost=0.44),
            BaselineEntry(name="linear", kept=44, accepted=False, evaluations=6, cost=0.97),
        ),
    )
    return found.model_copy(update=changes)


def eight_bits(count: int = 60) -> EightBits:
    """One node that the search left out, and one output layer."""
    first, last = nodes(count, {0, count - 3})
    clipped = replace(finding(first, "R19", "2% of image is clipped"), against="int8")
    untried = replace(finding(last, "output-layer", "not tried"), against="int8")
    return EightBits(
        quantized=nodes(count, range(3, 20)),
        share=0.976,
        quality="good",
        left=(
            LeftOut(node=first, op="Conv", precision="fp32", share=0.02, group="left out by the search", why=clipped),
            LeftOut(node=last, op="Conv", precision="fp16", share=0.004, group="output layer", why=untried),
        ),
        work={"int8": 0.976, "fp16": 0.004, "fp32": 0.02},
    )


SCALES = Scales(
    method="entropy",
    samples=128,
    tensors={
        "input": TensorScale(amax=4.0, seen=65535.0, clipped=0.021, method="entropy"),
        "dead": TensorScale(amax=0.0, method="minmax"),
    },
)
CHECKS = (
    Check("R18", "samples", "ok", "128 different samples"),
    Check("R19", "input", "refuse", "is clipped at 4"),
    Check("R18", "dead", "warn", "is zero in all samples"),
    Check("R17", "input", "allowed", "reaches far beyond calibration"),
)


def cards(count: int = 60) -> tuple[Card, ...]:
    """Reasons for what is kept: overflow for the first, necessity for the last."""
    names, shares = nodes(count, KEPT), (0.013, 0.017, 0.021)
    whys = [(finding(name, amax=91234.5, limit=65504.0), OVERFLOW.title) for name in names[:-1]]
    whys += [(finding(names[-1], "R04", "is 3.1e-9", constant=3.1e-9), CONSTANT.title)]
    return tuple(
        Card(why.node, PARTS[depth][1], "fp32", why, title, share, because(count)[why.node])
        for depth, ((why, title), share) in enumerate(zip(whys, shares, strict=True))
    )


def verdict(*, accepted: bool = True) -> Verdict:
    """Two conditions and a metric that is only reported."""
    measured = 0.9501 if accepted else 0.102
    state = "Accepted" if accepted else "Not accepted"
    return Verdict(
        "accepted" if accepted else "not-accepted",
        f"{state}: 3 of 60 nodes stay in FP32; iou {measured} (FP32 0.9512, FP16 0.102).",
        (
            MetricRow(
                metric="iou",
                reference=0.9512,
                low=0.102,
                candidate=measured,
                bound="drop at most 0.005",
                margin=measured - 0.9462,
                unseen=0.9494,
                sure=0.0037,
                worst=0.8713,
                worst_sample=11,
            ),
            MetricRow(
                metric="sqnr",
                reference=math.inf,
                low=math.nan,
                candidate=41.27 if accepted else None,
                bound="at least 30",
                margin=11.27 if accepted else math.nan,
            ),
            MetricRow("agreement", 1.0, 0.411, 0.9997),
        ),
    )


def summary(count: int = 60, *, accepted: bool = True) -> RunSummary:
    """A run over a network of ``count`` nodes; a refused one has an unhealthy candidate and no engine."""
    fusion = "" if accepted else "the plan that was found is accepted where an engine rounds fused units once."
    not_built = BuildOutcome(backend="tensorrt-rtx", not_built="tensorrt_rtx is not installed")
    built = BuildOutcome(backend="tensorrt-rtx", version="1.7.1", bytes=3_120_400)
    first = nodes(count, {0})[0]
    return RunSummary(
        title="unet",
        low="fp16",
        model=ModelFacts(
            file="unet.onnx", sha256="4a98" * 16, nodes=count, opset=17, parameters=1_180_041, bytes=4_731_114
        ),
        verdict=verdict(accepted=accepted),
        plan=plan(count),
        statistics=statistics(count, accepted=accepted),
        search=search(count, accepted=accepted, fusion=fusion),
        kept=cards(count),
        findings=((finding(first, amax=91234.5), OVERFLOW), (finding("/up3/Conv", "R06", "4.1% is subnormal"), TINY)),
        rewrite=RewriteOutcome(casts=4, pairs=0, bytes=2_402_116, notes=("BatchNormalization was folded.",)),
        build=built if accepted else not_built,
        scales=None if accepted else SCALES,
        checks=() if accepted else CHECKS,
        files=(File("constraints.yaml", "the decision"), File("layers.csv", "every number of the layer table")),
        seconds={"inspect": 0.4, "compare": 3.1, "bisect": 8.2},
    )


def int8_summary(count: int = 60) -> RunSummary:
    """A run with INT8: what the search left out, an output layer, and a node that FP16 breaks as well."""
    run = summary(count)
    bits = eight_bits(count)
    first, *others = run.verdict.metrics
    titles = ("clipping by the INT8 range", "left alone by default")
    left = tuple(
        Card(entry.node, entry.op, entry.precision, entry.why, title, entry.share)
        for entry, title in zip(bits.left, titles, strict=True)
    )
    return replace(
        run,
        low="int8",
        verdict=replace(run.verdict, metrics=(replace(first, naive=0.05), *others)),
        search=search(count, low="int8", eight_bits=bits),
        kept=run.kept[:1],
        left=left,
        scales=SCALES,
        checks=CHECKS,
    )

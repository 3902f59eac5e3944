"""Summaries that look like real runs, for the tests and for looking at the page."""

from __future__ import annotations

import math
import random

from trtflow.precision import Precision
from trtflow.report import model as m

OPS = ("Conv", "BatchNormalization", "Relu")


def _names(count: int) -> list[tuple[str, str]]:
    """Node names and operators of a U-Net-like model with ``count`` nodes."""
    names = []
    for index in range(count):
        block, part = divmod(index, 3)
        side = "down" if block < count // 6 else "up"
        kind = OPS[part]
        names.append((f"/{side}{block // 2}/block{block % 2}/{('conv', 'bn', 'relu')[part]}/{kind}", kind))
    return names


def _amax(depth: int, count: int, rng: random.Random) -> float:
    """Raw sensor counts at first, then normalised activations that shrink."""
    base = 9.1e4 * 2.2 ** (1 - depth) if depth < 6 else 30 * math.exp(-3 * depth / count)
    return base * math.exp(rng.gauss(0, 0.5))


def statistics(depth: int, count: int, rng: random.Random, damage: float) -> m.LayerStatistics:
    """One layer; ``damage`` in dB is taken off a healthy SQNR, infinite damage makes the layer non-finite."""
    total = 40 * 256 * 256 // (1 + depth // 6)
    dead = damage == math.inf
    sqnr = 74 - 12 * depth / count - (0 if dead else damage) + rng.gauss(0, 1.2)
    share = min(1.0, 10 ** (-sqnr / 20) * 3)
    amax = _amax(depth, count, rng)
    return m.LayerStatistics(
        count=total,
        differing=total // 3 if dead else int(total * share),
        differing_share=1 / 3 if dead else int(total * share) / total,
        max_abs=math.inf if dead else amax * 10 ** (-sqnr / 20) * 6,
        mean_abs=math.nan if dead else amax * 10 ** (-sqnr / 20) / 8,
        sqnr_db=math.nan if dead else sqnr,
        cosine=None if dead else 1 - 10 ** (-sqnr / 10) / 2,
        reference_amax=amax,
        nan=total // 9 if dead else 0,
        inf=total // 40 if dead else 0,
        beyond=0.003 if amax > 65504 else 0.0,
        subnormal=min(0.4, 0.02 * rng.random()),
        lost=0.0,
    )


def comparison(name: str, count: int, kept: set[int], *, healthy: bool) -> m.Comparison:
    """A candidate's layers. Unhealthy ones overflow in layers 1 to 4 and stay bad after them."""
    rng = random.Random(7)  # noqa: S311 - shapes of a picture, not secrets
    layers = []
    for depth, (node, op) in enumerate(_names(count)):
        damage = 0.0 if healthy or depth == 0 else math.inf if depth < 5 else 52.0 + 3 * math.sin(depth / 3)
        numbers = statistics(depth, count, rng, damage)
        if healthy and depth in kept:
            numbers = numbers.model_copy(
                update={
                    "sqnr_db": math.inf,
                    "max_abs": 0.0,
                    "differing": 0,
                    "differing_share": 0.0,
                    "mean_abs": 0.0,
                    "cosine": 1.0,
                }
            )
        precision: Precision = "fp32" if healthy and depth in kept else "fp16"
        layers.append(
            m.Layer(
                node=node,
                op=op,
                tensor=f"{node}_output_0",
                depth=depth,
                precision=precision,
                unit=depth // 3,
                statistics=numbers,
                first_error=not healthy and depth == 1,
            )
        )
    return m.Comparison(name=name, layers=tuple(layers), rounding="tensor")


def kept_nodes(count: int, kept: set[int]) -> tuple[m.KeptNode, ...]:
    """Reasons for the kept nodes: overflow for the first, necessity for the last."""
    names = _names(count)
    last = max(kept)
    return tuple(
        m.KeptNode(
            node=names[index][0],
            op=names[index][1],
            precision="fp32",
            code="R04" if index == last else "R01",
            title="a constant that FP16 cannot hold" if index == last else "values beyond the range of FP16",
            evidence={"constant": 3.1e-9}
            if index == last
            else {"amax": 91234.5 / (index + 1), "limit": 65504.0, "overflowed": 21874.0},
            cost_share=0.013 + 0.004 * index,
            unit=0,
            promoted=index == last,
        )
        for index in sorted(kept)
    )


def search(count: int, kept: int, *, accepted: bool) -> m.Search:
    """A search that tests the ends, ranks, gallops, shrinks and verifies."""
    phases = [("ends", 0), ("ends", count)]
    phases += [("rank", count - 1)] * 5
    phases += [("gallop", size) for size in (1, 2, 4, 8)]
    phases += [("shrink", size) for size in (6, 5, 4, 3, kept, kept - 1)]
    phases += [("verify", kept)]
    evaluations = [
        m.Evaluation(
            index=index,
            phase=phase,
            high=high,
            cost_share=high / count,
            metrics={"iou": None if index == 4 else 0.102 if high < kept else 0.9507 - 0.0001 * index},
            accepted=None if index == 4 else accepted and high >= kept,
            cached=index < 2,
            seconds=0.0 if index < 2 else 0.41 + 0.01 * index,
            note="the engine was not built: out of memory" if index == 4 else "",
        )
        for index, (phase, high) in enumerate(phases)
    ]
    baselines = (
        m.Baseline(
            name="polygraphy bisect, forward", kept=min(count, 17), accepted=True, evaluations=7, cost_share=0.44
        ),
        m.Baseline(
            name="polygraphy bisect, reverse", kept=min(count, 44), accepted=True, evaluations=6, cost_share=0.97
        ),
        m.Baseline(name="polygraphy linear", kept=None, accepted=None),
    )
    return m.Search(strategy="trtflow", evaluations=tuple(evaluations), builds=1, baselines=baselines)


def _findings(node: str) -> tuple[m.Finding, ...]:
    return (
        m.Finding(
            code="R01",
            title="values beyond the range of FP16",
            node=node,
            text="The output reaches 91,235; FP16 ends at 65,504. 0.3% of its values overflow to infinity.",
            evidence={"amax": 91234.5, "overflowed": 21874.0},
            advice="Keep it in FP32, or divide the input by 4 and fold the factor into the first convolution.",
        ),
        m.Finding(
            code="R06",
            title="activations below FP16's normal range",
            node="/up3/block1/conv/Conv",
            text="4.1% of the values are subnormal. Their absolute error is negligible here.",
            evidence={"subnormal": 0.041},
            advice="Nothing to do.",
        ),
    )


def int8_summary() -> m.RunSummary:
    """A run with INT8: one node that the search left out, one output layer, and one that FP16 breaks as well."""
    run = summary(60)
    names = _names(60)
    first, *others = run.verdict.conditions
    left = tuple(
        m.KeptNode(
            node=names[index][0],
            op="Conv",
            precision=precision,
            code=code,
            title=title,
            text=text,
            cost_share=share,
            group=group,
        )
        for index, precision, code, title, text, share, group in (
            (
                0,
                "fp32",
                "R19",
                "clipping by the INT8 range",
                "2% of image is clipped",
                0.02,
                "left out by the search",
            ),
            (57, "fp16", "output-layer", "left alone by default", "not tried", 0.004, "output layer"),
        )
    )
    return run.model_copy(
        update={
            "low": "int8",
            "verdict": run.verdict.model_copy(
                update={"conditions": (first.model_copy(update={"naive": 0.05}), *others)}
            ),
            "kept": run.kept[:1],
            "work": m.Work(shares={"int8": 0.976, "fp16": 0.004, "fp32": 0.02}, quantised=17, left=left),
            "calibration": calibration(),
        }
    )


def calibration() -> m.Calibration:
    """An INT8 calibration with one failed check and one warning."""
    return m.Calibration(
        source="entropy, 128 samples of calib.npz",
        ranges=(
            m.Range(tensor="input", amax=4.0, observed=65535.0, clipped=0.021, method="entropy"),
            m.Range(tensor="dead", amax=None, observed=0.0),
        ),
        checks=(
            m.Check(name="enough samples", passed=True, text="128"),
            m.Check(name="clipping", passed=False, text="input is clipped at 4"),
            m.Check(name="ranges settle", passed=None, text="still growing by 6% a batch"),
        ),
    )


def summary(count: int = 60, *, accepted: bool = True) -> m.RunSummary:
    """A run over a model of ``count`` nodes; refused runs have an unhealthy candidate and a failed build."""
    kept = {0, 1, 2}
    names = _names(count)
    sentence = (
        f"Accepted: {len(kept)} of {count} nodes stay in FP32, and IoU is 0.9501 against 0.9512 in FP32."
        if accepted
        else f"Refused: with {len(kept)} of {count} nodes in FP32, IoU is still 0.1020 against 0.9512 in FP32."
    )
    candidate = 0.9501 if accepted else 0.102
    return m.RunSummary(
        title="unet",
        low="fp16",
        model=m.ModelFacts(
            file="unet.onnx", sha256="4a98" * 16, nodes=count, opset=17, parameters=1_180_041, bytes=4_731_114
        ),
        data=m.DataFacts(
            source="eval.npz (labels: masks)",
            samples=24,
            held_out=8,
            warning="" if accepted else "Random input: uniform noise says little about real images.",
        ),
        verdict=m.Verdict(
            accepted=accepted,
            sentence=sentence,
            conditions=(
                m.Condition(
                    metric="iou",
                    bound="drop at most 0.005",
                    reference=0.9512,
                    low=0.1020,
                    candidate=candidate,
                    margin=0.005 - (0.9512 - candidate),
                ),
                m.Condition(
                    metric="sqnr",
                    bound="at least 30",
                    reference=math.inf,
                    low=math.nan,
                    candidate=41.27 if accepted else None,
                    margin=11.27 if accepted else math.nan,
                ),
                m.Condition(metric="agreement", reference=1.0, low=0.411, candidate=0.9997),
            ),
        ),
        made={"trtflow": "0.1.0", "onnxruntime": "1.32.0", "polygraphy": "0.53.6", "runner": "emulated"},
        comparisons=(
            comparison("fp16", count, set(), healthy=False),
            comparison("mixed", count, kept, healthy=accepted),
        ),
        kept=kept_nodes(count, kept),
        search=search(count, len(kept), accepted=accepted),
        findings=_findings(names[0][0]),
        rewrite=m.Rewrite(
            casts=4,
            bytes=2_402_116,
            notes=("BatchNormalization of /down0/block0/bn was folded into its convolution.",),
        ),
        build=m.Build(backend="tensorrt-rtx", version="1.7.1", engine_bytes=3_120_400)
        if accepted
        else m.Build(backend="tensorrt-rtx", not_built="tensorrt_rtx is not installed: pip install 'trtflow[rtx]'"),
        fusion=""
        if accepted
        else "Rounding every tensor loses 49 dB, rounding fused units 12 dB; folding BatchNormalization ends it.",
        calibration=None if accepted else calibration(),
        files=(
            m.File(path="constraints.yaml", purpose="the decision, for trtflow apply and export", bytes=812),
            m.File(path="unet.mixed.onnx", purpose="the mixed-precision model", bytes=2_402_116),
            m.File(path="layers.csv", purpose="every number of the layer table"),
            m.File(path="engine.plan", purpose="TensorRT-RTX engine", bytes=3_120_400),
        ),
        seconds={"inspect": 0.4, "compare": 3.1, "bisect": 8.2, "rewrite": 0.3, "build": 6.4, "validate": 1.2},
    )

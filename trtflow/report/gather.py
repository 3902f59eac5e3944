"""From the JSON that the steps leave behind to the report's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trtflow.diagnosis import fp16 as diagnose
from trtflow.diagnosis.reasons import REASONS
from trtflow.precision import FP16, QUANTIZED
from trtflow.report.model import (
    Baseline,
    Build,
    Calibration,
    Check,
    Comparison,
    Condition,
    DataFacts,
    Evaluation,
    File,
    Finding,
    FrontPoint,
    KeptNode,
    Layer,
    LayerStatistics,
    ModelFacts,
    Range,
    Rewrite,
    RunSummary,
    Search,
    Verdict,
    Work,
)

Documents = Mapping[str, Mapping[str, Any]]
_FILES = (  # step type, what it leaves beside the report, for what
    ("rewrite", "*.mixed.onnx", "the model to build: TensorRT 10 strongly typed, 11, TensorRT-RTX, ONNX Runtime"),
    ("constrain", "constraints.yaml", "the decision, to check in beside the model"),
    ("constrain", "exports/", "the same decision for trtexec, Polygraphy, ModelOpt, ONNX Runtime and Triton"),
    ("calibrate", "*.scales.yaml", "the ranges that INT8 uses, and where they come from"),
    ("build", "engine.plan", "the engine"),
    ("compare", "layers.csv", "every layer's statistics, for a spreadsheet"),
    ("validate", "metrics.json", "the verdict, for machines"),
)
_PASSED = {"ok": True, "warn": None, "allowed": None, "refuse": False}
_BOUNDS = {"drop": "drop at most", "rise": "rise at most", "min": "at least", "max": "at most"}
WRONG = 0.10  # a layer is wrong when more than this share of its values deviates


def merge(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the outputs of another step of the same type to ``known``: maps are joined, anything else is kept."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(known.get(key), dict):
            merge(known[key], value)
        else:
            known.setdefault(key, value)


def gather(documents: Documents, seconds: Mapping[str, float], failures: Mapping[str, str]) -> RunSummary:
    """The summary of a run from its steps' outputs, by step type.

    ``failures`` maps the steps that failed, or whose gate was not met, to what happened.
    Steps that are missing leave their part of the report empty.
    """
    decided = documents.get("quantize") or documents.get("bisect", {})
    search, plan = decided.get("search"), decided.get("plan", {"default": FP16, "nodes": {}})
    floats = documents.get("bisect", {}).get("search")
    findings = documents.get("diagnose", {}).get("findings", [])
    rewrite = documents.get("rewrite", {}).get("notes")
    facts = documents.get("inspect", {}).get("facts", {})
    return RunSummary(
        title=facts.get("file", "trtflow").removesuffix(".onnx"),
        low=search["low"] if search else plan["default"],
        model=_model(facts),
        data=_data(search),
        verdict=_verdict(documents, search, failures),
        made=search["made-by"] if search else {},
        comparisons=_comparisons(documents.get("compare", {}).get("statistics"), plan, search),
        kept=_kept(floats, plan, findings, rewrite, documents.get("compare", {}).get("statistics")),
        work=_work(search) if search and "work" in search else None,
        search=None if search is None else _search(search),
        findings=tuple(_finding(entry) for entry in findings),
        rewrite=None if rewrite is None else Rewrite(**{key: rewrite[key] for key in ("casts", "bytes", "notes")}),
        fusion=search.get("fusion", "") if search else "",
        calibration=_calibration(documents),
        build=_build(documents.get("build", {}).get("build")),
        files=tuple(File(path=path, purpose=why) for step, path, why in _FILES if documents.get(step)),
        seconds=seconds,
    )


def _model(facts: Mapping[str, Any]) -> ModelFacts:
    return ModelFacts(
        file=facts.get("file", ""),
        sha256=facts.get("sha256", ""),
        nodes=facts.get("nodes", 0),
        opset=facts.get("opset", 0),
        parameters=facts.get("parameters", 0),
        bytes=facts.get("bytes", 0),
    )


def _data(search: Mapping[str, Any] | None) -> DataFacts:
    if search is None:
        return DataFacts(source="", samples=0)
    return DataFacts(
        source=search["data"], samples=search["samples"] + search["held-out"], held_out=search["held-out"]
    )


def _verdict(documents: Documents, search: Mapping[str, Any] | None, failures: Mapping[str, str]) -> Verdict:
    verdict = documents.get("validate", {}).get("verdict")
    conditions = tuple(_conditions(search, verdict))
    if verdict is None:
        broken = "; ".join(f"{name} {what}" for name, what in failures.items()) or "nothing was validated"
        return Verdict(accepted=False, sentence=f"Not validated: {broken}", conditions=conditions)
    kept = len(search["kept"]) if search else 0
    nodes = documents.get("inspect", {}).get("facts", {}).get("candidates", 0)
    accepted = verdict["accepted"]
    stays = "stays" if kept == 1 else "stay"
    decision = f"{kept} of {nodes} nodes {stays} in FP32" if kept else f"all {nodes} nodes take the low precision"
    if search and "quantised" in search:
        share = f"{search['quantised-share']:.0%} of the multiply-adds"
        count = len(search["quantised"])
        some = f"1 node, {share}, runs" if count == 1 else f"{count} nodes, {share}, run"
        decision = f"{some} in {search['low'].upper()}"
    state = "Accepted" if accepted else "Refused"
    low = search["low"].upper() if search else "low"
    figures = "; ".join(_figures(entry, low) for entry in conditions if entry.bound)
    return Verdict(accepted=accepted, sentence=f"{state}: {decision}; {figures}.", conditions=conditions)


def _figures(entry: Condition, low: str) -> str:
    others = {"FP32": entry.reference, low: entry.low}
    if entry.naive is not None:
        others = {"FP32": entry.reference, f"{low} naive": entry.naive, f"{low} tuned": entry.low}
    said = ", ".join(f"{name} {value:.4g}" for name, value in others.items() if value is not None)
    return f"{entry.metric} {'unknown' if entry.candidate is None else f'{entry.candidate:.4g}'} ({said})"


def _conditions(search: Mapping[str, Any] | None, verdict: Mapping[str, Any] | None) -> list[Condition]:
    measured = search["metrics"] if search else {}
    reference = (verdict or {}).get("reference") or measured.get("reference", {})
    candidate = (verdict or {}).get("candidate") or measured.get("candidate", {})
    naive, low, accept = measured.get("naive", {}), measured.get("low", {}), (verdict or {}).get("accept", {})

    def values(name: str) -> dict[str, float | None]:
        sides = {"reference": reference, "naive": naive, "low": low, "candidate": candidate}
        return {side: figures.get(name) for side, figures in sides.items()}

    rows = []
    for name, bounds in accept.items():
        for kind, bound in bounds.items():
            margin = _absolute((verdict or {}).get("margins", {}).get(f"{name}.{kind}"), bound)
            rows.append(Condition(metric=name, bound=f"{_BOUNDS[kind]} {bound:g}", margin=margin, **values(name)))
    return rows + [Condition(metric=name, **values(name)) for name in candidate if name not in accept]


def _absolute(margin: float | str | None, bound: float) -> float | None:
    """A margin in units of the metric; the judge's is in units of the bound."""
    return None if margin is None else float(margin) * (abs(bound) or 1.0)


def _comparisons(
    statistics: Mapping[str, Any] | None, plan: Mapping[str, Any], search: Mapping[str, Any] | None
) -> tuple[Comparison, ...]:
    if statistics is None:
        return ()
    found = []
    candidates = statistics["candidates"]
    for name in sorted(candidates, key=lambda name: search is not None and name != search["low"]):
        tensors = candidates[name]
        rows = [(layer, tensors[layer["tensor"]]) for layer in statistics["layers"]]
        first = next((layer["tensor"] for layer, row in rows if row["differing_share"] > WRONG), None)
        layers = tuple(
            Layer(
                node=layer["node"],
                op=layer["op"],
                tensor=layer["tensor"],
                depth=layer["depth"],
                precision=plan["nodes"].get(layer["node"], plan["default"]),
                statistics=_statistics(row),
                first_error=layer["tensor"] == first,
            )
            for layer, row in rows
        )
        found.append(Comparison(name=name, layers=layers, rounding=statistics["rounding"]))
    return tuple(found)


def _statistics(row: Mapping[str, Any]) -> LayerStatistics:
    return LayerStatistics(
        count=row["count"],
        differing=row["differing"],
        differing_share=row["differing_share"],
        max_abs=row["max_abs"],
        mean_abs=row["mean_abs"],
        sqnr_db=row["sqnr_db"],
        cosine=row["cosine"],
        reference_amax=row["ref_amax"],
        nan=row["cand_nan"],
        inf=row["cand_inf"],
        beyond=row["beyond_fp16_share"],
        subnormal=row["below_normal_share"],
        lost=row["below_subnormal_share"],
    )


def _kept(
    search: Mapping[str, Any] | None,
    plan: Mapping[str, Any],
    findings: list[Mapping[str, Any]],
    rewrite: Mapping[str, Any] | None,
    statistics: Mapping[str, Any] | None,
) -> tuple[KeptNode, ...]:
    if search is None:
        return ()
    promoted = set((rewrite or {}).get("promoted", {})) | set(search["forced"])
    ops = {layer["node"]: layer["op"] for layer in (statistics or {}).get("layers", [])}
    known = [diagnose.Finding(**entry) for entry in findings]
    kept = [node for node in search["kept"] if plan["nodes"].get(node, plan["default"]) not in QUANTIZED]
    reasons = {node: diagnose.explain(node, known, search.get("merged", ())) for node in kept}
    return tuple(
        KeptNode(
            node=node,
            op=ops.get(node, ""),
            precision=plan["nodes"].get(node, plan["default"]),
            code=why.code,
            title=REASONS[why.code].title,
            text=why.text,
            evidence=why.evidence,
            cost_share=search["node-costs"].get(node),
            promoted=node in promoted,
        )
        for node, why in reasons.items()
    )


def _work(search: Mapping[str, Any]) -> Work:
    left = tuple(
        KeptNode(
            node=entry["node"],
            op=entry["op"],
            precision=entry["precision"],
            code=entry["why"]["code"],
            title=REASONS[entry["why"]["code"]].title,
            text=entry["why"]["text"],
            evidence=entry["why"]["evidence"],
            cost_share=entry["share"],
            group=entry["group"],
        )
        for entry in search["left"]
    )
    return Work(shares=search["work"], quantised=len(search["quantised"]), left=left)


def _search(search: Mapping[str, Any]) -> Search:
    evaluations = tuple(
        Evaluation(
            index=entry["index"],
            phase=entry["phase"],
            high=entry["high"],
            accepted=entry["accepted"],
            cost_share=entry["cost"],
            metrics=entry["metrics"],
        )
        for entry in search["evaluations"]
    )
    baselines = tuple(
        Baseline(
            name=entry["name"],
            kept=entry["kept"],
            accepted=entry["accepted"],
            evaluations=entry["evaluations"],
            cost_share=entry["cost"],
        )
        for entry in search["baselines"]
    )
    front = tuple(
        FrontPoint(
            high=entry["high"], cost_share=entry["cost"], error_db=entry["sqnr"], accepted=bool(entry["accepted"])
        )
        for entry in search.get("front", ())
    )
    builds = search.get("builds", 0)
    return Search(
        strategy=search["strategy"], evaluations=evaluations, front=front, builds=builds, baselines=baselines
    )


def _finding(entry: Mapping[str, Any]) -> Finding:
    reason = REASONS[entry["code"]]
    return Finding(
        code=entry["code"],
        title=reason.title,
        text=entry["text"],
        node=entry["node"],
        evidence=entry["evidence"],
        advice=reason.advice,
    )


def _calibration(documents: Documents) -> Calibration | None:
    scales = documents.get("cure", {}).get("scales") or documents.get("calibrate", {}).get("scales")
    if scales is None:
        return None
    ranges = tuple(
        Range(
            tensor=name,
            amax=entry["amax"],
            observed=entry.get("seen"),
            clipped=entry.get("clipped"),
            method=entry.get("method", ""),
        )
        for name, entry in scales["tensors"].items()
    )
    checks = tuple(
        Check(name=f"{entry['code']} {entry['subject']}", passed=_PASSED[entry["verdict"]], text=entry["sentence"])
        for entry in documents.get("check-calibration", {}).get("checks", ())
    )
    source = f"{scales.get('method', 'given ranges')} over {scales.get('samples', 0)} samples"
    return Calibration(source=source, ranges=ranges, checks=checks)


def _build(build: Mapping[str, Any] | None) -> Build | None:
    if build is None:
        return None
    if "not_built" in build:
        return Build(backend=build["backend"], not_built=build["not_built"])
    return Build(backend=build["backend"], version=build["version"], engine_bytes=build["bytes"])

"""What ``fidelity.py`` found as Markdown: one table of verdicts, one of layers, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fidelity_networks import NETWORKS

Found = Mapping[str, Any]
ENDS = {"low": "all low", "plan": "plan", "fp32": "FP32"}


def table(found: Mapping[str, Found], low: str) -> str:
    """All of it; ``found`` by network."""
    parts = (verdicts(found, low), layers(found), list(remarks(found)))
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def verdicts(found: Mapping[str, Found], low: str) -> list[str]:
    """End metrics, emulated → real, and whether the verdicts agree."""
    heads = [
        "network",
        "kind",
        "metric",
        "FP32",
        f"all {low}",
        "plan",
        "kept",
        "agree",
        "run: emulated",
        "run: GPU",
        "s",
    ]
    rows = [_verdict_row(name, one) for name, one in found.items()]
    return markdown(heads, rows)


def _verdict_row(name: str, one: Found) -> list[str]:
    network, ends = NETWORKS[name], one.get("ends", {})
    (metric,) = network.accept
    runs = one.get("commands", {})
    return [
        name,
        network.kind,
        metric,
        *(_both(ends.get(end), metric) for end in ("fp32", "low", "plan")),
        str(ends.get("plan", {}).get("kept", "–")),
        _agreeing(ends),
        *(str(runs.get(runner, {}).get("exit", "–")) for runner in ("emulated", "cuda")),
        f"{sum(one.get('seconds', {}).values()):.0f}",
    ]


def _both(end: Found | None, metric: str) -> str:
    """Emulated / real."""
    return "–" if end is None else " / ".join(_told(end[side], metric) for side in ("emulated", "real"))


def _told(side: Found, metric: str) -> str:
    if "failed" in side:
        return "failed"
    value = side["metrics"].get(metric)
    shown = "–" if value is None else number(float(value))
    return shown if side["accepted"] else f"{shown} ✗"


def _agreeing(ends: Found) -> str:
    """How many verdicts of both sides are equal, and where they are not."""
    if "failed" in ends:
        return "failed"
    known = {name: end for name, end in ends.items() if "accepted" in end["emulated"] and "accepted" in end["real"]}
    apart = [ENDS[name] for name, end in known.items() if end["emulated"]["accepted"] != end["real"]["accepted"]]
    equal = f"{len(known) - len(apart)} of {len(ends)}"
    return f"{equal}: not {', '.join(apart)}" if apart else equal


def layers(found: Mapping[str, Found]) -> list[str]:
    """How errors of layers agree."""
    heads = ["network", "under", "layers", "compared", "rank correlation", "GPU / emulated: 5 %", "50 %", "95 %"]
    heads += ["not finite: both", "emulated only", "GPU only", "marks change"]
    rows = [
        _layer_row(name, under, seen)
        for name, one in found.items()
        for under, seen in one.get("layers", {}).items()
        if under in ENDS and "compared" in seen
    ]
    return markdown(heads, rows)


def _layer_row(name: str, under: str, seen: Found) -> list[str]:
    return [
        name,
        ENDS[under],
        str(seen["layers"]),
        str(seen["compared"]),
        f"{float(seen['correlation']):.4f}",
        *(f"{float(ratio):.2f}" for ratio in seen["ratios"]),
        str(seen["both_nonfinite"]),
        str(len(seen["emulated_only"])),
        str(len(seen["real_only"])),
        number(float(seen["observer"].get("real", "nan"))),
    ]


def remarks(found: Mapping[str, Found]) -> Iterator[str]:
    """What failed, layers that are not finite on one side only, the operators furthest apart, what ran on the CPU."""
    for name, one in found.items():
        yield from (f"- {name}: {where}: {' '.join(why.split())[:300]}" for where, why in _failures(one))
        for under, seen in one.get("layers", {}).items():
            if under not in ENDS or "compared" not in seen:
                continue
            for side in ("emulated_only", "real_only"):
                if nodes := ", ".join(seen[side][:8]):
                    yield f"- {name}, {ENDS[under]}: not finite, {side.replace('_', ' ')}: {nodes}"
            if apart := _apart(seen["by_op"]):
                yield f"- {name}, {ENDS[under]}: {apart}"
        placed = one.get("placement", {})
        if placed.get("fused") or placed.get("cpu"):
            told = {"fused": "fused", "marked": "fused although marked", "cpu": "on the CPU"}
            yield f"- {name}: " + "; ".join(f"{what} {placed.get(key) or 'nothing'}" for key, what in told.items())


def _apart(by_op: Mapping[str, Sequence[float]]) -> str:
    """The operators whose errors lie beyond a quarter of the emulated ones."""
    far = {op: ratios for op, ratios in by_op.items() if float(ratios[3]) > 1.25 or float(ratios[1]) < 0.8}
    told = [f"{op} ×{int(r[0])} {float(r[1]):.2f}–{float(r[3]):.2f}" for op, r in far.items()]
    return f"GPU / emulated: {', '.join(told)}" if told else ""


def _failures(one: Found) -> Iterator[tuple[str, str]]:
    if one.get("failed"):
        yield "network", one["failed"]
    for part in ("commands", "ends", "layers", "placement"):
        if "failed" in one.get(part, {}):
            yield part, one[part]["failed"]
    for runner, ran in one.get("commands", {}).items():
        if isinstance(ran, Mapping):
            yield f"run {runner}, exit {ran['exit']}", ran["sentence"]
    for end, sides in one.get("ends", {}).items():
        if isinstance(sides, Mapping):
            yield from ((f"{ENDS[end]} {side}", s["failed"]) for side, s in sides.items() if _has_failed(s))


def _has_failed(side: object) -> bool:
    return isinstance(side, Mapping) and "failed" in side


def number(value: float) -> str:
    """Four digits; infinities and NaN in words that fit."""
    return f"{value:.4g}".replace("inf", "∞").replace("-", "−")


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table."""
    lines = [list(heads), ["---"] * len(heads), *(list(row) for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]

"""What became of one run: right, refused with a true reason, wrong or died; and the reasons that are known."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from conformance_checks import is_random, run, session

from trtflow.data import Feed
from trtflow.emulation.typed import emulate_typed
from trtflow.engine.key import task_options
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import Plan
from trtflow.files.document import read_document
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.search import SearchDocument
from trtflow.model.selection import selection, tapped
from trtflow.steps.given import open_data
from trtflow.steps.options import Data

NEAR = 0.5
"""dB between the search's figure and the published file, executed as it is typed."""
EXACT = 100.0
"""dB beyond which two figures say the same: nothing differs but FP32's own rounding."""

REFUSALS: Mapping[str, str] = {
    r"Nothing gained: nothing in it can take": "nothing in it can take the low precision",
    r"is accurate enough, but Casts would cost more": "Casts would cost more than it saves",
    r"is open to none of \d+ nodes?: .*\w": "a rule keeps every node high, and is told",
    r"holds for none of \d+ nodes?; .*sqnr -?[\d.inf]+ with everything": "too inaccurate wherever it was tried",
    r"no floating-point output was evaluated": "no floating-point output, and no metric given",
    r"'\S+' is an? (sequence|optional|map)_type": "an input that is no tensor, by name",
    r"FP32's own outputs hold nothing finite but zeros": "FP32's outputs are zero: nothing can be judged by them",
}
"""Pattern of a message → the reason that it gives."""
NO_KERNEL = re.compile(r"NOT_IMPLEMENTED : Could not find an implementation for (\w+)\(\d+\)")
_DEATHS = ("raised ", "was ended by", "ended with")


@dataclass(frozen=True)
class Verdict:
    """``outcome`` is right, refused, wrong or died; ``text`` the reason, or what was said."""

    outcome: str
    text: str


def judge(plan: Plan, outcome: Outcome) -> Verdict:
    """The verdict on a run that came to its end."""
    original = Path(plan.steps["inspect"].options["model"])
    if outcome.failed:
        record = outcome.failed[0]
        said = f"{record.name}: {record.error}"
        return Verdict("died", said) if record.error.startswith(_DEATHS) else refusal(said, original)
    if outcome.status:
        return refusal(" ".join(outcome.last_word[-1:]), original)
    return _checked(plan, outcome)


def refusal(said: str, original: Path) -> Verdict:
    """Refused where the reason is a known one and true, else wrong."""
    lacking = NO_KERNEL.search(said)
    if lacking and not _loads(original):
        return Verdict("refused", f"ONNX Runtime has no kernel of {lacking[1]} as the original has it")
    if "ONNX Runtime refuses the model" in said and not _loads(original):
        return Verdict("refused", "ONNX Runtime refuses the original as well, and is quoted")
    reason = next((reason for pattern, reason in REFUSALS.items() if re.search(pattern, said, re.DOTALL)), None)
    return Verdict("refused", reason) if reason else Verdict("wrong", said)


def _loads(original: Path) -> bool:
    try:
        session(onnx.load(original))
    except Exception:  # ONNX Runtime raises a class per status, all below Exception
        return False
    return True


def _checked(plan: Plan, outcome: Outcome) -> Verdict:
    """Hold the file that was written, executed as typed, against FP32 and against the search's figure."""
    left = {name: record.outputs for name, record in outcome.records.items()}
    search = read_document(SearchDocument, left["quantize" if "quantize" in left else "bisect"]["search"])
    verdict = read_document(VerdictDocument, left["validate"]["verdict"])
    decided = search.metrics["candidate"] if search.judged_on == verdict.samples else verdict.candidate
    reference, mixed = onnx.load(left["inspect"]["model"]), onnx.load(left["rewrite"]["model"])
    if is_random(reference):
        return Verdict("right", "accepted; random operators, not checked")
    if "sqnr" not in decided:
        return Verdict("right", f"accepted by {', '.join(decided)}; no SQNR to check")
    options = Data.model_validate_json(json.dumps(task_options(plan.steps["bisect"], outcome.records)["data"]))
    feeds = [sample.feed for sample in open_data(options, reference)]
    found = _figure(reference, emulate_typed(mixed), feeds)
    low = verdict.accept.get("sqnr", {}).get("min", -math.inf)
    if abs(min(found, EXACT) - min(decided["sqnr"], EXACT)) > NEAR:
        return Verdict("wrong", f"the search says {decided['sqnr']:.1f} dB, the file gives {found:.1f}")
    return (
        Verdict("right", _told(outcome)) if found >= low - NEAR else Verdict("wrong", f"accepted at {found:.1f} dB")
    )


def _figure(reference: onnx.ModelProto, typed: onnx.ModelProto, feeds: Sequence[Feed]) -> float:
    """The SQNR of what no selection decides, and of what lies before one."""
    chosen = selection(reference)
    names = [value.name for value in reference.graph.output] + list(chosen.before)
    places = [place for place, name in enumerate(names) if name not in chosen.outputs]

    def outputs(model: onnx.ModelProto) -> list[list[Any]]:
        shown = tapped(model, chosen.before)
        return [[found[place] for place in places] for found in (run(shown, feed) for feed in feeds)]

    return sqnr(outputs(reference), outputs(typed))


def _told(outcome: Outcome) -> str:
    notes = [line for line in outcome.last_word if "not built here" in line]
    return "accepted, not built: the original does not build either" if notes else "accepted"


def sqnr(reference: Sequence[Sequence[Any]], candidate: Sequence[Sequence[Any]]) -> float:
    """The lowest signal-to-noise ratio of the float outputs over all samples, in dB."""
    outputs = zip(zip(*reference, strict=True), zip(*candidate, strict=True), strict=True)
    return min((_ratio(a, b) for a, b in outputs), default=math.inf)


def _ratio(reference: Sequence[Any], candidate: Sequence[Any]) -> float:
    signal = noise = 0.0
    for exact, other in zip(reference, candidate, strict=True):
        a, b = np.asarray(exact), np.asarray(other)
        if a.dtype.kind == "f":
            a, b = a.astype(np.float64), b.astype(np.float64)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            with np.errstate(invalid="ignore"):
                noise += float(np.sum(np.where(same, 0.0, a - b) ** 2))
            signal += float(np.sum(np.where(np.isfinite(a), a, 0.0) ** 2))
    if not noise:
        return math.inf
    return 10 * math.log10(signal / noise) if math.isfinite(noise) and signal else -math.inf

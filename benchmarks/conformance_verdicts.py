"""What became of one run: right, refused with a true reason, wrong or died; and the reasons that are known."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from conformance_checks import as_written, is_random, run, session

from trtflow.data import Sample
from trtflow.emulation.typed import emulate_typed
from trtflow.engine.inputs import FileInput
from trtflow.engine.key import task_options
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import Plan
from trtflow.files.document import read_document
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.search import SearchDocument
from trtflow.model.foreign import ending_at, runnable
from trtflow.model.operators import FP32_OPERATORS, REFUSED, listed
from trtflow.model.scopes import STANDARD_DOMAINS, opset
from trtflow.model.selection import selection
from trtflow.precision import FP16
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.reference import ReferenceRunner
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
    r"input '\S+' has no shape, so that neither samples nor": "an input without a shape, by name",
    r"is not an ONNX model: it holds no graph": "no graph",
    r"its external data is missing: .*\w": "weights in files that are not there",
    r"weight '\S+' of shape .* is not in the file": "weights that were stripped, by name",
    r"no floating-point output was evaluated": "no floating-point output, and no metric given",
    r"put '\S+' is an? (sequence|optional|map|sparse tensor|opaque value)[ ;]": "no tensor, by name",
    r"put '\S+' is U?(INT4|INT2|FLOAT\w+); expected a type of whole bytes": "values of less than a byte, by name",
    r"no node of the model suits INT8 or FP8: \w+ '\S+' \w": "no product suits INT8, and one is told",
    r"cannot run \S+ \([^,]+, domain .*no FP32 tensor is computed before it": "a foreign operator first",
    r"'\S+' is a Scan of opset 8": "a Scan of opset 8, by name",
    r"quantized already, and not as engines take it: TensorRT does not take \S+ \(": "pairs that it refuses, by name",
    r"only weights are quantized \(.+\): everything computes in floating point": "weights alone quantized, as told",
    r"\d+ of \d+ tensors reach beyond the calibration samples": "calibration that does not cover inference, counted",
    r"FP32's own outputs hold nothing finite but zeros": "FP32's outputs are zero: nothing can be judged by them",
}
"""Pattern of a message → the reason that it gives."""
NOTHING = re.compile("Nothing gained: nothing in it can take a low precision")
EXCUSED = frozenset(
    {
        *("Cast", "Constant"),  # from double, and what is written offline
        *("ConcatFromSequence", "If", "OptionalGetElement", "SequenceAt"),  # hand on what others compute
        *("LSTM", "Range"),  # with sequence_lens; with a size that follows from the values
    }
)
"""Operators that may write FP32 where nothing can be lowered."""
NO_KERNEL = re.compile(r"NOT_IMPLEMENTED : Could not find an implementation for (\w+)\(\d+\)")
_DEATHS = ("raised ", "was ended by", "ended with")


@dataclass(frozen=True)
class Verdict:
    """``outcome`` is right, refused, wrong or died; ``text`` the reason, or what was said."""

    outcome: str
    text: str


def judge(plan: Plan, outcome: Outcome) -> Verdict:
    """The verdict on a run that came to its end."""
    original = original_of(plan)
    if outcome.failed:
        record = outcome.failed[0]
        said = f"{record.name}: {record.error}"
        return Verdict("died", said) if record.error.startswith(_DEATHS) else refusal(said, original)
    if outcome.status:
        return refusal(" ".join(outcome.last_word[-1:]), original)
    return _checked(plan, outcome)


def original_of(plan: Plan) -> Path:
    """The model file that a run reads."""
    return next(
        given.file
        for given in plan.steps["inspect"].inputs
        if isinstance(given, FileInput) and given.path == ("model",)
    )


def refusal(said: str, original: Path) -> Verdict:
    """Refused where the reason is a known one and true, else wrong."""
    lacking = NO_KERNEL.search(said)
    if lacking and not _loads(original):
        return Verdict("refused", f"ONNX Runtime has no kernel of {lacking[1]} as the original has it")
    if "ONNX Runtime refuses the model" in said and not _loads(original):
        return Verdict("refused", "ONNX Runtime refuses the original as well, and is quoted")
    if "ONNX Runtime cannot run the model on the sample" in said and not _runs(original):
        return Verdict("refused", "ONNX Runtime cannot run the original on its own data, and is quoted")
    if NOTHING.search(said) and (missed := _lowerable(original)):
        return Verdict("wrong", f"{said} But it has {', '.join(missed)}")
    reason = next((reason for pattern, reason in REFUSALS.items() if re.search(pattern, said, re.DOTALL)), None)
    return Verdict("refused", reason) if reason else Verdict("wrong", said)


def _lowerable(original: Path) -> list[str]:
    """Operators that ONNX itself types FP32 in ``original``, lists in FP16, and that TensorRT takes in it."""
    model = onnx.shape_inference.infer_shapes(onnx.load(original))
    values = (*model.graph.value_info, *model.graph.output)
    floats = {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    written = {
        node.op_type for node in model.graph.node if node.domain in STANDARD_DOMAINS and floats & {*node.output}
    }
    ruled_out = {*EXCUSED, *FP32_OPERATORS, *(op for op, found in REFUSED.items() if FP16 in found)}
    return sorted(op for op in written - ruled_out if listed(op, opset(model), FP16))


def _loads(original: Path) -> bool:
    try:
        session(onnx.load(original))
    except Exception:  # ONNX Runtime raises a class per status, all below Exception
        return False
    return True


def _runs(original: Path) -> bool:
    """Whether ONNX Runtime runs ``original`` on the data beside it (see conformance_projects.py)."""
    files = json.loads(original.with_name("inputs.json").read_text(encoding="utf-8"))
    feed = {
        name: onnx.numpy_helper.to_array(onnx.load_tensor(original.with_name(file))) for name, file in files.items()
    }
    try:
        run(onnx.load(original), feed)
    except Exception:  # as in _loads
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
    found = _figure(reference, mixed, list(open_data(options, reference)))
    low = verdict.accept.get("sqnr", {}).get("min", -math.inf)
    if abs(min(found, EXACT) - min(decided["sqnr"], EXACT)) > NEAR:
        return Verdict("wrong", f"the search says {decided['sqnr']:.1f} dB, the file gives {found:.1f}")
    return (
        Verdict("right", _told(outcome)) if found >= low - NEAR else Verdict("wrong", f"accepted at {found:.1f} dB")
    )


def _figure(original: onnx.ModelProto, mixed: onnx.ModelProto, samples: Sequence[Sample]) -> float:
    """The SQNR of ``mixed``, as it is typed, by what decides in a run: the worst part, and before any selection.

    Both run as they are written, without an optimiser.
    """
    reference = runnable(original).model
    chosen = selection(reference)
    typed = emulate_typed(ending_at(mixed, [value.name for value in reference.graph.output]))
    exact, rounded = (ReferenceRunner(model, session=as_written, taps=chosen.before) for model in (reference, typed))
    found = Evaluator(exact, samples, {"sqnr": {"min": 0.0}}, selection=chosen, model=reference).measure(rounded)
    return found.metrics["sqnr"]


def _told(outcome: Outcome) -> str:
    notes = [line for line in outcome.last_word if "not built here" in line]
    return "accepted, not built: the original does not build either" if notes else "accepted"

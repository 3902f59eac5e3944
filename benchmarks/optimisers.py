"""ONNX Runtime's graph optimisers, and where each changes a result by more than float rounding.

    python benchmarks/optimisers.py [--every N] [KIND ...]

Kinds of cases: float, emulated, int8, uint8, int16, uint16, e4m3, e5m2, pairs, weights, nodes. A number counts the
cases in which the optimiser is the first to change something, those before it in the order of a session left out if
they did; ``fails`` counts models that ONNX Runtime then does not load. The last row is a session as trtflow opens it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnxruntime
from conformance_checks import as_written
from optimiser_cases import GRIDS, Case, float_cases, node_cases, pair_cases, quantized_cases, weight_only_cases

from trtflow.errors import ModelError
from trtflow.model.optimisers import ALLOWED, FORBIDDEN, FORBIDDEN_BESIDE
from trtflow.model.session import create_session

RULES = {
    "Level1_RuleBasedTransformer": """
        EliminateIdentity EliminateSlice UnsqueezeElimination EliminateDropout ExpandElimination CastElimination
        PreShapeNodeElimination NoopElimination DivMulFusion FuseReluClip GemmSumFusion GemmTransposeFusion
        NotWhereFusion ConvAddFusion ConvMulFusion ConvBNFusion Pad_Fusion MatMul_BatchNormalization_Fusion
        LabelEncoderFusion
    """.split(),  # noqa: SIM905 (a list of this length reads better as text)
    "Level2_RuleBasedTransformer": ["ClipQuantRewrite", "ReluQuantRewrite", "GemmTransposeFusion"],
}
"""What ONNX Runtime applies under one name, and can switch off one by one."""
KNOWN = {*FORBIDDEN, *FORBIDDEN_BESIDE, *itertools.chain(*ALLOWED.values(), *RULES.values())}
KINDS: dict[str, Callable[[], Iterable[Case]]] = {
    "float": lambda: float_cases(()),
    "emulated": lambda: (case for case in float_cases() if " per " in case.name),
    **{kind: lambda kind=kind: quantized_cases([kind]) for kind in GRIDS},  # type: ignore[misc]
    "pairs": pair_cases,
    "weights": weight_only_cases,
    "nodes": node_cases,
}
ROUNDING = {"float16": 4e-3, "bfloat16": 3e-2}  # of the largest value; FP32 sums in another order differ by some 1e-6
FLIPS = 0.01  # the share of values that rounding may carry over to the next code or half


def changed(found: Any, true: Any) -> bool:
    """Whether an output differs by more than float rounding, in NaN and infinities to begin with."""
    if isinstance(true, (list, tuple)):
        return len(found) != len(true) or any(map(changed, found, true))
    found, true = np.asarray(found), np.asarray(true)
    if found.shape != true.shape or true.dtype.kind not in "fiub":
        return not np.array_equal(found, true)
    tolerance = ROUNDING.get(true.dtype.name, 1e-5)
    found, true = found.astype(np.float64), true.astype(np.float64)
    finite = np.isfinite(found) & np.isfinite(true)
    if not np.array_equal(found[~finite], true[~finite], equal_nan=True):
        return True
    far = np.abs(found[finite] - true[finite]) > tolerance * np.abs(true[finite]).max(initial=0)
    return bool(far.mean() > FLIPS) if far.size else False


def truths(cases: Iterable[Case]) -> Iterator[tuple[Case, list[Any]]]:
    """The cases that ONNX Runtime runs unoptimised, with their outputs."""
    for case in cases:
        outputs = _truth(case)
        if outputs is not None:
            yield case, outputs


def _truth(case: Case) -> list[Any] | None:
    try:
        return list(as_written(case.model).run(None, dict(case.feed)))
    except Exception:  # no kernel, or types that numpy cannot carry; ONNX Runtime's errors have no common base
        return None


def wrong(cases: Iterable[Case]) -> dict[str, str]:
    """The cases that a session as trtflow opens it computes otherwise than the graph as it is written."""
    found = {case.name: _fault(case, true) for case, true in truths(cases)}
    return {name: fault for name, fault in found.items() if fault}


def _fault(case: Case, true: list[Any]) -> str:
    try:
        outputs = create_session(case.model, many=True).run(None, dict(case.feed))
    except ModelError as error:
        return str(error)
    return "other values" if changed(outputs, true) else ""


@contextmanager
def log_of_runtime() -> Iterator[list[str]]:
    """The optimisers that ONNX Runtime says it applied, each with 0 or 1 behind it for whether it found something."""
    said: list[str] = []
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)  # it writes past sys.stderr
        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            text = file.read().decode(errors="replace")
            said += (" ".join(pair) for pair in re.findall(r"GraphTransformer (\S+) modified: (\d)", text))


def session(model: onnx.ModelProto, disabled: Sequence[str], severity: int = 4) -> onnxruntime.InferenceSession:
    """A session of ONNX Runtime's own choice but for what is ``disabled``."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = severity
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(disabled)
    )


def outcome(case: Case, true: list[Any], disabled: Sequence[str]) -> str:
    """What a session does without ``disabled``: nothing wrong (empty), ``fails`` or ``changes``."""
    try:
        outputs = session(case.model, disabled).run(None, dict(case.feed))
    except Exception:  # ONNX Runtime raises a dozen classes without a common base
        return "fails"
    return "changes" if changed(outputs, true) else ""


def culprits(case: Case, true: list[Any]) -> Iterator[str]:
    """The optimisers that change a case, found by letting them in one by one in the order in which they run."""
    if not outcome(case, true, []):
        return
    with log_of_runtime() as said, _ignored():
        session(case.model, [], severity=1)
    acted = dict.fromkeys(line.removesuffix(" 1") for line in said if line.endswith(" 1"))
    acted |= dict.fromkeys(RULES)  # one that fails ends the session before its name is written
    allowed = {*RULES}
    for name in itertools.chain.from_iterable(RULES.get(group, [group]) for group in acted):
        verdict = outcome(case, true, sorted(KNOWN - allowed - {name}))
        if verdict:
            yield name if verdict == "changes" else f"{name} (fails)"
        else:
            allowed.add(name)


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except Exception:  # the session does not load; its log is what was wanted
        return


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--every", type=int, default=1, help="take every Nth case only")
    arguments = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    for kind in arguments.kinds or KINDS:
        counts[kind] = Counter(all=0)
        cases = list(truths(itertools.islice(KINDS[kind](), 0, None, arguments.every)))
        counts[kind]["cases"] = len(cases)
        for case, true in cases:
            counts[kind].update(set(culprits(case, true)))
        counts[kind]["as trtflow opens it"] = len(wrong(case for case, _ in cases))
        print(f"{kind}: {len(cases)} cases", file=sys.stderr)
    names = sorted({name for found in counts.values() for name in found} - {"all", "cases", "as trtflow opens it"})
    print(f"onnxruntime {onnxruntime.__version__}")
    print(f"{'':40}" + "".join(f"{kind:>9}" for kind in counts))
    for name in ("cases", *names, "as trtflow opens it"):
        print(f"{name:40}" + "".join(f"{found[name]:>9}" for found in counts.values()))


if __name__ == "__main__":
    main()

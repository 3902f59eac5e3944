"""What steps wrote is read back: by type of step, the search that decides first, whatever is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from report_fakes import CHECKS, SCALES, few_layers, finding, search

from trtflow.errors import PlanError
from trtflow.files.checks import Check, write_checks
from trtflow.files.data_facts import DataFacts
from trtflow.files.document import Document, write_document
from trtflow.files.findings import write_findings
from trtflow.files.outcomes import BuildOutcome, ModelFacts, RewriteOutcome, VerdictDocument
from trtflow.files.scales import Scales, write_scales
from trtflow.plan import PrecisionPlan, write_plan
from trtflow.tasks.documents import Documents, read_documents

Left = tuple[str, Mapping[str, Path]]
FP16 = search(low="fp16")
INT8 = search(low="int8")


def _left(folder: Path, step: str, **outputs: object) -> Left:
    """A step of that type that left ``outputs``."""
    place = folder / f"{step}-{len(list(folder.iterdir()))}"
    place.mkdir()
    for name, content in outputs.items():
        path = place / name
        if isinstance(content, PrecisionPlan):
            write_plan(content, path)
        elif isinstance(content, Scales):
            write_scales(content, path)
        elif isinstance(content, Document):
            write_document(content, path)
    return step, {name: place / name for name in outputs}


def test_a_run_that_left_nothing_has_empty_documents() -> None:
    assert read_documents([("bisect", {}), ("compare", {})]) == Documents()


def test_every_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = {
        "facts": ModelFacts(file="unet.onnx", nodes=5),
        "plan": PrecisionPlan("fp16", {"n": "fp32"}),
        "data": DataFacts(source="eval.npz", samples=9, distinct=8, marks=("R18: a copy",)),
        "statistics": few_layers(sqnr_db=[float("inf"), -3.0]),
        "search": FP16,
        "rewrite": RewriteOutcome(casts=4, pairs=0, bytes=9, promoted={"n": "a constant"}),
        "build": BuildOutcome(backend="none", not_built="no GPU"),
        "verdict": VerdictDocument(
            accepted=True, samples=3, reference={"iou": 1.0}, candidate={"iou": 0.5}, margins={}, accept={}
        ),
    }
    write_findings([finding(amax=9.0)], tmp_path / "findings")
    write_checks(CHECKS, tmp_path / "checks")
    noise = Check("R17", "x", "warn", "noise")
    write_checks([noise], tmp_path / "noise")
    found = read_documents(
        [
            _left(tmp_path, "inspect", facts=written["facts"]),
            _left(tmp_path, "check-data", facts=written["data"]),
            _left(tmp_path, "compare", statistics=written["statistics"]),
            _left(tmp_path, "bisect", plan=written["plan"], search=written["search"]),
            _left(tmp_path, "rewrite", notes=written["rewrite"]),
            _left(tmp_path, "build", build=written["build"]),
            _left(tmp_path, "validate", verdict=written["verdict"]),
            ("diagnose", {"findings": tmp_path / "findings"}),
            ("check-calibration", {"checks": tmp_path / "checks"}),
            ("check-data", {"checks": tmp_path / "noise"}),
        ]
    )
    assert {name: getattr(found, name) for name in written} == written
    assert (found.findings, found.checks) == ((finding(amax=9.0),), (noise, *CHECKS))
    assert found.steps >= {"inspect", "build", "diagnose", "check-calibration"}


@pytest.mark.parametrize("turned", [False, True])
def test_the_search_over_eight_bits_decides_and_the_other_is_the_floating_point_one(
    tmp_path: Path, turned: bool
) -> None:
    floating = _left(tmp_path, "bisect", plan=PrecisionPlan("fp16"), search=FP16)
    quantized = _left(tmp_path, "quantize", plan=PrecisionPlan("int8"), search=INT8)
    found = read_documents([quantized, floating] if turned else [floating, quantized])
    assert (found.search, found.floats, found.plan) == (INT8, FP16, PrecisionPlan("int8"))


def test_without_eight_bits_the_floating_point_search_decides(tmp_path: Path) -> None:
    floating = _left(tmp_path, "bisect", plan=PrecisionPlan("bf16"), search=FP16)
    found = read_documents([floating, ("quantize", {})])
    assert (found.search, found.floats, found.plan) == (FP16, FP16, PrecisionPlan("bf16"))


def test_statistics_of_several_steps_are_joined(tmp_path: Path) -> None:
    fp16 = few_layers(sqnr_db=[1.0, 2.0])
    mixed = fp16.model_copy(update={"candidates": {"mixed": fp16.candidates["fp16"]}})
    found = read_documents([_left(tmp_path, "compare", statistics=entry) for entry in (fp16, mixed)])
    assert found.statistics is not None
    assert list(found.statistics.candidates) == ["fp16", "mixed"]


def test_cured_scales_go_before_those_that_were_calibrated(tmp_path: Path) -> None:
    cured = SCALES.model_copy(update={"method": "cured"})
    calibrate, cure = (_left(tmp_path, step, scales=of) for step, of in (("calibrate", SCALES), ("cure", cured)))
    assert read_documents([calibrate, cure]).scales == cured
    assert read_documents([calibrate]).scales == SCALES


def test_of_two_steps_of_one_type_the_first_counts(tmp_path: Path) -> None:
    both = [_left(tmp_path, "inspect", facts=ModelFacts(file=name)) for name in ("a.onnx", "b.onnx")]
    assert read_documents(both).facts.file == "a.onnx"


def test_a_file_that_holds_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text('{"strategy": 1}')
    with pytest.raises(PlanError, match=r"search\.json cannot be read as SearchDocument"):
        read_documents([("bisect", {"search": tmp_path / "search.json"})])

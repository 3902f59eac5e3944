"""What a report shows, as data: filled from the steps' outputs, read by the HTML page.

Numbers are ``None`` where nothing could be computed, and may be infinite or NaN where that is the result; the
strings "inf", "-inf" and "nan" of a JSON file are read as such. Shares lie between 0 and 1, times are seconds,
sizes are bytes, SQNR is in dB.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from trtflow.precision import Precision


class Part(BaseModel):
    """Base of everything below: immutable, and strict about unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class ModelFacts(Part):
    """The ONNX file that was examined."""

    file: str
    sha256: str
    nodes: int
    opset: int
    parameters: int
    bytes: int


class DataFacts(Part):
    """The samples behind every number. ``warning`` is set when they do not resemble real input."""

    source: str
    samples: int
    held_out: int = 0
    warning: str = ""


class Condition(Part):
    """One end metric: its value under each precision and, if it was asked for, the bound that it must keep.

    ``naive`` is set where ``low`` calibrates: with ranges as wide as what was seen, ``low`` being the tuned one.
    ``bound`` is the condition in words ("drop at most 0.005"), empty for a metric that is only reported.
    ``margin`` is at least 0 where the candidate keeps the bound.
    """

    metric: str
    reference: float | None
    low: float | None
    candidate: float | None
    naive: float | None = None
    bound: str = ""
    margin: float | None = None


class Verdict(Part):
    """The decision in one plain sentence, and the conditions that made it; the first one is the headline."""

    accepted: bool
    sentence: str
    conditions: tuple[Condition, ...] = ()


class LayerStatistics(Part):
    """How one tensor of a candidate differs from the reference.

    ``differing`` counts the values that deviate by more than 10 %. ``reference_amax``, ``beyond`` (share of
    magnitudes above 65504), ``subnormal`` (in (0, 6.1e-5)) and ``lost`` (in (0, 5.96e-8)) describe the
    reference; ``nan`` and ``inf`` count the candidate's values.
    """

    count: int
    differing: int
    differing_share: float | None
    max_abs: float | None
    mean_abs: float | None
    sqnr_db: float | None
    cosine: float | None
    reference_amax: float | None
    nan: int = 0
    inf: int = 0
    beyond: float | None = None
    subnormal: float | None = None
    lost: float | None = None


class Layer(Part):
    """One output tensor of a node. ``unit`` names what is fused with it; ``depth`` is its place in the graph."""

    node: str
    op: str
    tensor: str
    depth: int
    precision: Precision
    statistics: LayerStatistics
    unit: int | str | None = None
    first_error: bool = False


class Comparison(Part):
    """One candidate ("fp16", "mixed") against the reference, layers in topological order."""

    name: str
    layers: tuple[Layer, ...]
    rounding: str = ""


class KeptNode(Part):
    """A node that stays in high precision, and why. ``promoted``: not the search's choice but a necessity.

    ``text`` is the reason in a sentence with its numbers, ``group`` what kind of exception the node is.
    """

    node: str
    op: str
    precision: Precision
    code: str
    title: str
    evidence: Mapping[str, float | str | None] = Field(default_factory=dict)
    cost_share: float | None = None
    unit: int | str | None = None
    promoted: bool = False
    text: str = ""
    group: str = ""


class Work(Part):
    """Where the multiply-adds run in a plan with INT8 or FP8: ``shares`` by precision add up to 1.

    ``quantised``: how many nodes run in eight bits. ``left``: the others that multiply and add, the largest first.
    """

    shares: Mapping[Precision, float]
    quantised: int
    left: tuple[KeptNode, ...] = ()


class Evaluation(Part):
    """One plan measured. ``accepted`` is None where it could not be measured; ``note`` then says why."""

    index: int
    phase: str
    high: int
    accepted: bool | None
    cost_share: float | None = None
    metrics: Mapping[str, float | None] = Field(default_factory=dict)
    cached: bool = False
    seconds: float | None = None
    note: str = ""


class Baseline(Part):
    """What another strategy would have kept on the same model."""

    name: str
    kept: int | None
    accepted: bool | None
    evaluations: int | None = None
    cost_share: float | None = None


class FrontPoint(Part):
    """A measured plan that no other beats in both cost and error; ``error_db`` is SQNR, infinite when exact."""

    high: int
    cost_share: float
    error_db: float | None
    accepted: bool


class Search(Part):
    """The search for the kept set: every evaluation, in order, and the Pareto front where it was asked for."""

    strategy: str
    evaluations: tuple[Evaluation, ...]
    front: tuple[FrontPoint, ...] = ()
    builds: int = 0
    baselines: tuple[Baseline, ...] = ()

    @property
    def cached(self) -> int:
        """How many evaluations were answered from earlier runs."""
        return sum(evaluation.cached for evaluation in self.evaluations)

    @property
    def seconds(self) -> float:
        """Time spent measuring."""
        return sum(evaluation.seconds or 0.0 for evaluation in self.evaluations)


class Finding(Part):
    """A diagnosis: what was seen at a node, what it means and what to do."""

    code: str
    title: str
    text: str
    node: str = ""
    evidence: Mapping[str, float | str | None] = Field(default_factory=dict)
    advice: str = ""


class Rewrite(Part):
    """The mixed-precision file that was written."""

    casts: int | None = None
    bytes: int | None = None
    notes: tuple[str, ...] = ()


class Build(Part):
    """The engine that was built, or in ``not_built`` why there is none."""

    backend: str
    version: str = ""
    engine_bytes: int | None = None
    not_built: str = ""


class Range(Part):
    """The calibrated range of one tensor: ``amax`` is what its scale covers, ``observed`` what was seen."""

    tensor: str
    amax: float | None
    observed: float | None = None
    clipped: float | None = None
    method: str = ""


class Check(Part):
    """One check of the calibration and its verdict. ``passed`` is None for a warning."""

    name: str
    passed: bool | None
    text: str = ""


class Calibration(Part):
    """The scales of an INT8 or FP8 run: where they come from and whether they can be trusted."""

    source: str
    ranges: tuple[Range, ...] = ()
    checks: tuple[Check, ...] = ()


class File(Part):
    """A file that the run left behind."""

    path: str
    purpose: str
    bytes: int | None = None


class RunSummary(Part):
    """A whole run. ``made`` maps tools (and "runner") to versions: nothing that changes between equal runs.

    ``low`` is the precision under test. ``comparisons`` begins with the candidate that is low everywhere.
    ``kept`` is what stays in FP32; ``work`` says what INT8 or FP8 make of the rest, where one of them is under test.
    ``fusion`` says what depends on fusion, where the two roundings of the emulator disagree.
    """

    title: str
    low: Precision
    model: ModelFacts
    data: DataFacts
    verdict: Verdict
    made: Mapping[str, str] = Field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    kept: tuple[KeptNode, ...] = ()
    work: Work | None = None
    search: Search | None = None
    findings: tuple[Finding, ...] = ()
    rewrite: Rewrite | None = None
    build: Build | None = None
    fusion: str = ""
    calibration: Calibration | None = None
    files: tuple[File, ...] = ()
    seconds: Mapping[str, float] = Field(default_factory=dict)

"""Whether a decision fits a model: what it names must be there, in the sizes that it was made for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trtflow.files.constraints import Constraints
from trtflow.files.cures import Clipping, Correction, Rescaling
from trtflow.precision import QUANTIZED
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    import onnx

    from trtflow.model.analysis import Analysis
    from trtflow.qdq.placement import Site


def misfits(decision: Constraints, model: onnx.ModelProto) -> tuple[str, ...]:
    """What ``decision`` names and ``model`` lacks, or has in another size: a line each, with what might be meant."""
    from trtflow.model.analysis import analyse
    from trtflow.qdq.placement import sites

    analysis = analyse(model)
    found = {site.node: site for site in sites(analysis)}
    return (
        *_nodes(decision, analysis),
        *_rescalings(decision, model, analysis),
        *_adjustments(decision, analysis, found),
        *_scales(decision, found),
    )


def _nodes(decision: Constraints, analysis: Analysis) -> Iterator[str]:
    named = [*decision.nodes, *(cure.subject for cure in decision.cures if not isinstance(cure, Rescaling))]
    for name in dict.fromkeys(named):
        if name not in analysis.by_name:
            yield f"there is no node {name}{did_you_mean(name, analysis.by_name, '; ')}"


def _rescalings(decision: Constraints, model: onnx.ModelProto, analysis: Analysis) -> Iterator[str]:
    from trtflow.qdq.rescaling import transfers

    places = {transfer.tensor: transfer for transfer in transfers(model)}
    tensors = analysis.scopes[0].producers
    for cure in decision.cures:
        if not isinstance(cure, Rescaling):
            continue
        place = places.get(cure.subject)
        if cure.subject not in tensors:
            yield f"{cure.kind}: there is no tensor {cure.subject}{did_you_mean(cure.subject, tensors, '; ')}"
        elif place is None:
            yield f"{cure.kind}: range cannot move at {cure.subject}, for other operators make it or read it now"
        elif place.channels != len(cure.shifts):
            yield f"{cure.kind}: {cure.subject} has {place.channels} channels, the decision {len(cure.shifts)}"


def _adjustments(decision: Constraints, analysis: Analysis, found: dict[str, Site]) -> Iterator[str]:
    """Clippings and corrections of nodes that are there."""
    from trtflow.qdq.insertion import channels
    from trtflow.qdq.weights import output_channels, takes_correction

    main = analysis.scopes[0]
    for cure in decision.cures:
        if isinstance(cure, Rescaling) or cure.subject not in analysis.by_name:
            continue
        node, site = analysis.by_name[cure.subject][1], found.get(cure.subject)
        held = main.constant(site.weights[0].tensor) if site is not None and site.weights else None
        if site is None or held is None or (isinstance(cure, Correction) and not takes_correction(node, main)):
            yield f"{cure.kind}: {cure.subject} has no constant weights here, or a bias that is computed"
            continue
        if isinstance(cure, Clipping):
            axis, given = channels(site.weights[0], decision.plan.precision(site.node)), len(cure.shares)
            own = 1 if axis is None else held.dims[axis]
        else:
            own, given = output_channels(node, held.dims), len(cure.bias)
        if own != given:
            yield f"{cure.kind}: {cure.subject} has {own} channels, the decision {given}"


def _scales(decision: Constraints, found: dict[str, Site]) -> Iterator[str]:
    plan = decision.plan
    for site in found.values():
        by_default = site.node not in plan.nodes and site.is_output  # which leaves output layers out
        if by_default or plan.precision(site.node) not in QUANTIZED:
            continue
        for tensor in site.tensors:
            if tensor not in decision.scales:
                hint = did_you_mean(tensor, decision.scales, "; ")
                yield f"{site.node} reads {tensor}, for which there is no scale{hint}"

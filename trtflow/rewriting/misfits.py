"""Whether a decision fits a model: what it names must be there, in the sizes that it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trtflow.files.constraints import Constraints
from trtflow.precision import QUANTIZED
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    import onnx

    from trtflow.cures.base import Host
    from trtflow.model.analysis import Analysis
    from trtflow.plan import PrecisionPlan
    from trtflow.qdq.placement import Site


def misfits(decision: Constraints, model: onnx.ModelProto) -> tuple[str, ...]:
    """What ``decision`` names and ``model`` lacks, or has in another size: a line each, with what might be meant."""
    from trtflow.model.analysis import analyse
    from trtflow.qdq.placement import sites

    analysis = analyse(model)
    found = {site.node: site for site in sites(analysis)}
    lines = [*_nodes(decision, analysis)]
    if decision.cures:
        host = _host(analysis, found, decision.plan)
        lines += [line for cure in decision.cures if (line := cure.misfit(host))]
    return tuple(dict.fromkeys([*lines, *_scales(decision, found)]))


def _nodes(decision: Constraints, analysis: Analysis) -> Iterator[str]:
    for name in decision.nodes:
        if name not in analysis.by_name:
            yield f"there is no node {name}{did_you_mean(name, analysis.by_name, '; ')}"


def _host(analysis: Analysis, found: Mapping[str, Site], plan: PrecisionPlan) -> Host:
    """What ``plan``'s cures may change of a model."""
    from trtflow.cures.base import Host, WeightPlace
    from trtflow.cures.transfers import transfers
    from trtflow.qdq.insertion import channels

    main, weights = analysis.scopes[0], {}
    for site in found.values():
        held = main.constant(site.weights[0].tensor) if site.weights else None
        if held is not None:
            weights[site.node] = WeightPlace(held, channels(site.weights[0], plan.precision(site.node)))
    return Host(analysis, weights, {transfer.tensor: transfer for transfer in transfers(analysis.model)})


def _scales(decision: Constraints, found: Mapping[str, Site]) -> Iterator[str]:
    plan = decision.plan
    for site in found.values():
        by_default = site.node not in plan.nodes and site.is_output  # which leaves output layers out
        if by_default or plan.precision(site.node) not in QUANTIZED:
            continue
        for tensor in site.tensors:
            if tensor not in decision.scales:
                hint = did_you_mean(tensor, decision.scales, "; ")
                yield f"{site.node} reads {tensor}, for which there is no scale{hint}"

"""Raising a model's opset without touching what it computes.

Below opset 13 operators changed their form too often: ONNX's own converter does it. From 13 on nearly every new
version only widened types, so the version number is raised and the few operators that changed are rewritten here.
The converter is not used there because it drops metadata and refuses models that it need not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx
from onnx import helper

from trtflow.errors import ModelError
from trtflow.model.edit import FreshNames, clone, fresh_names, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, opset, scopes
from trtflow.model.types import infer, schema_of

OLDEST = 7
"""The oldest opset that trtflow and ONNX Runtime take as it is."""
STABLE = 13
"""From here on this module raises; below, ONNX's converter. BF16 begins here as well: Cast has it from 13 on."""

ALIGNED_AT_THE_END = 7
"""From here on operands broadcast from their last axis; before, PRelu's slopes stood on the channels."""

OPEN_TO_BF16 = 22
"""What changed its version here let BF16 in, and nothing else."""

SCAN_OF_BATCHES = 8
"""The opset of the first Scan, which no later one can follow."""

Adapter = Callable[[onnx.NodeProto, FreshNames], list[onnx.NodeProto]]


def raise_opset(model: onnx.ModelProto, target: int) -> onnx.ModelProto:
    """A copy of ``model`` in opset ``target``; node names kept.

    Raises:
        ModelError: an operator cannot follow; it is named.
    """
    if opset(model) >= target:
        return clone(model)
    if opset(model) < STABLE:
        model = _converted(model, min(target, STABLE))
    copy = clone(model)
    version = opset(copy)
    if version < target:
        fresh = fresh_names(copy)
        for scope in reversed(scopes(copy)):
            _adapt(scope.graph, version, target, fresh)
        _declare(copy, target)
    return copy


def lower_opset(model: onnx.ModelProto) -> None:
    """Declare opset 21 where ``model``, all in FP32, says 22: that one only let BF16 in, and lacks kernels for it."""
    if opset(model) == OPEN_TO_BF16:
        _declare(model, OPEN_TO_BF16 - 1)


def refuse_old_scans(model: onnx.ModelProto) -> None:
    """Check that no Scan of ``model`` is one of opset 8, which ONNX's converter passes through as it is.

    Raises:
        ModelError: one is; it is named.
    """
    if opset(model) > SCAN_OF_BATCHES:
        return
    for scope in scopes(model):
        for node in scope.graph.node:
            if node.op_type == "Scan" and node.domain in STANDARD_DOMAINS:
                raise ModelError(
                    f"{(node.name or node.output[0])!r} is a Scan of opset 8, which scans batches and takes lengths; "
                    "from opset 9 on none does, and nothing converts it. Export the model with opset 9 or newer"
                )


def _declare(model: onnx.ModelProto, target: int) -> None:
    kept = [entry for entry in model.opset_import if entry.domain not in STANDARD_DOMAINS]
    del model.opset_import[:]
    model.opset_import.extend([helper.make_opsetid("", target), *kept])
    least = helper.find_min_ir_version_for([helper.make_opsetid("", target)], ignore_unknown=True)
    model.ir_version = max(model.ir_version, least)


def _converted(model: onnx.ModelProto, target: int) -> onnx.ModelProto:
    try:
        converted = onnx.version_converter.convert_version(_held(model), target)
    except Exception as error:
        raise ModelError(
            f"ONNX cannot convert the model from opset {opset(model)} to {target}: {error}. "
            "Export it again with a newer opset"
        ) from error
    _released(converted)
    names = [node.name for node in model.graph.node]
    for node in converted.graph.node:
        if not node.name:  # the converter's own helpers
            node.name = f"node_of_{node.output[0]}"
    lost = set(names) - {node.name for node in converted.graph.node}
    if lost:
        raise ModelError(f"ONNX's opset converter lost the nodes {', '.join(sorted(lost)[:5])}")
    converted.ir_version = max(converted.ir_version, 4)  # IR 3 wants the converter's constants among the inputs
    converted.metadata_props.extend(p for p in model.metadata_props if p not in converted.metadata_props)
    return converted


HELD = "trtflow.held"
"""The domain that hides from ONNX's converter what it does not know, Upsample, and what may crash it, EyeLike."""


def _held(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = clone(model)
    if opset(copy) < ALIGNED_AT_THE_END:
        _spread_slopes(copy)
    held = [node for scope in scopes(copy) for node in scope.graph.node if _is_held(node)]
    for node in held:
        node.domain = HELD
    if held:
        copy.opset_import.append(helper.make_opsetid(HELD, 1))
    return copy


def _spread_slopes(model: onnx.ModelProto) -> None:
    """Give each PRelu's slopes, one a channel, the axes that keep them there; ONNX's converter forgets to."""
    types, top, fresh = infer(model), scopes(model)[0], fresh_names(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "PRelu":
            shape, slopes = (types.of(top, name).shape for name in node.input)
            if shape is not None and slopes is not None and len(slopes) == 1 and len(shape) > 2:
                name = fresh(node.input[1], "tall")
                axes = list(range(1, len(shape) - 1))
                nodes.append(helper.make_node("Unsqueeze", [node.input[1]], [name], fresh(name), axes=axes))
                node.input[1] = name
        nodes.append(node)
    replace_nodes(model.graph, nodes)


def _is_held(node: onnx.NodeProto) -> bool:
    return (node.op_type == "Upsample" and len(node.input) == 2) or node.op_type == "EyeLike"


def _released(model: onnx.ModelProto) -> None:
    for scope in scopes(model):
        for node in scope.graph.node:
            if node.domain == HELD:
                node.ClearField("domain")
                if node.op_type == "Upsample":
                    _resize_instead(node)
    kept = [entry for entry in model.opset_import if entry.domain != HELD]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _resize_instead(node: onnx.NodeProto) -> None:
    """Upsample-9 is Resize with its first coordinates: output x reads input x / scale, rounded down."""
    node.op_type = "Resize"
    node.input.insert(1, "")
    node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
    node.attribute.append(helper.make_attribute("nearest_mode", "floor"))


def _adapt(graph: onnx.GraphProto, version: int, target: int, fresh: FreshNames) -> None:
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.domain not in STANDARD_DOMAINS:
            nodes.append(node)
            continue
        for at, adapter in CHANGED.get(node.op_type, {}).items():
            if version < at <= target:
                nodes.extend(adapter(node, fresh))
        now = schema_of(node.op_type, target)
        if now is None or now.deprecated:
            raise ModelError(f"node {node.name}: {node.op_type} does not exist in opset {target}")
        nodes.append(node)
    replace_nodes(graph, nodes)


def _axes_to_input(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Reduce operators, from 18 on, take axes as an input."""
    axes = next((list(a.ints) for a in node.attribute if a.name == "axes"), None)
    _drop_attribute(node, "axes")
    if axes is None:
        return []
    name = fresh(node.output[0], "axes")
    node.input.append(name)
    return [helper.make_node("Constant", [], [name], fresh(name), value_ints=axes)]


def _count_outputs(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Split, from 18 on, wants num_outputs where it has no sizes."""
    if len(node.input) < 2 or not node.input[1]:
        node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))
    return []


def _grid_modes(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """GridSample, from 20 on, calls its modes linear and cubic."""
    for attribute in node.attribute:
        if attribute.name == "mode":
            attribute.s = {b"bilinear": b"linear", b"bicubic": b"cubic"}.get(attribute.s, attribute.s)
    return []


def _first_coordinates(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """RoiAlign, from 16 on, shifts its boxes by half a pixel unless told; before, it did not."""
    node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "output_half_pixel"))
    return []


def _axis_to_input(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """DFT, from 20 on, takes its axis as the third input, and -2 where it once took 1."""
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    _drop_attribute(node, "axis")
    name = fresh(node.output[0], "axis")
    node.input.extend([""] * (2 - len(node.input)) + [name])
    return [helper.make_node("Constant", [], [name], fresh(name), value_int=axis)]


def _scale_per_channel(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """GroupNormalization, from 21 on, scales channels, not groups: repeat what each group has for its channels."""
    groups = next(a.i for a in node.attribute if a.name == "num_groups")
    count, column, flat, channels, share, shape = fresh.each(
        node.output[0], "groups", "column", "flat", "channels", "share", "shape"
    )
    added = [
        helper.make_node("Constant", [], [count], fresh(count), value_ints=[groups]),
        helper.make_node("Constant", [], [column], fresh(column), value_ints=[groups, 1]),
        helper.make_node("Constant", [], [flat], fresh(flat), value_ints=[-1]),
        helper.make_node("Shape", [node.input[0]], [channels], fresh(channels), start=1, end=2),
        helper.make_node("Div", [channels, count], [share], fresh(share)),
        helper.make_node("Concat", [count, share], [shape], fresh(shape), axis=0),
    ]
    for index in (1, 2):
        tall, wide, repeated = fresh.each(node.input[index], "tall", "wide", "repeated")
        added.append(helper.make_node("Reshape", [node.input[index], column], [tall], fresh(tall)))
        added.append(helper.make_node("Expand", [tall, shape], [wide], fresh(wide)))
        added.append(helper.make_node("Reshape", [wide, flat], [repeated], fresh(repeated)))
        node.input[index] = repeated
    return added


def _drop_attribute(node: onnx.NodeProto, name: str) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

CHANGED: Mapping[str, Mapping[int, Adapter]] = {
    **{f"Reduce{name}": {18: _axes_to_input} for name in _REDUCTIONS},
    "Split": {18: _count_outputs},
    "RoiAlign": {16: _first_coordinates},
    "GridSample": {20: _grid_modes},
    "GroupNormalization": {21: _scale_per_channel},
    "DFT": {20: _axis_to_input},
}
"""Operators whose form changed after opset 13: the opset of the change and what to do about it."""

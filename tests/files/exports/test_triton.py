"""Triton wants the inputs and outputs of the engine, without the batch where it makes that itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from decisions import decision
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message

from trtflow.data import Port
from trtflow.errors import PlanError
from trtflow.files.exports import triton


@pytest.mark.parametrize(
    ("dims", "batch", "shown"),
    [
        ((None, 3, 8), 1, "dims: [ 3, 8 ]"),
        ((1, 3, 8), 0, "dims: [ 1, 3, 8 ]"),
        ((1, 3, None), 0, "dims: [ 1, 3, -1 ]"),
        ((), 0, "dims: [  ]"),
    ],
)
def test_a_free_batch_dimension_is_dropped(dims: tuple[int | None, ...], batch: int, shown: str) -> None:
    port = Port("x", np.dtype("float32"), dims)
    text = triton.write(replace(decision(), inputs=(port,), outputs=(port,)))
    assert f"max_batch_size: {batch}" in text
    assert text.count(shown) == 2


@pytest.mark.parametrize(("dims", "known", "batch"), [((None, 3), 1, 1), ((None, 3), None, 1), ((2, 3), 16, 0)])
def test_the_server_makes_no_batch_that_the_engine_does_not_take(
    dims: tuple[int | None, ...], known: int | None, batch: int
) -> None:
    port = Port("x", np.dtype("float32"), dims)
    text = triton.write(replace(decision(), inputs=(port,), outputs=(port,), largest_batch=known))
    assert f"max_batch_size: {batch}\n" in text


def schema() -> type[Message]:
    """The fields of Triton's ModelConfig that are written; numbers of fields are not in a text."""
    kinds = ("INVALID", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64")
    kinds += ("FP16", "FP32", "FP64", "STRING", "BF16")
    text, number, enum, message = 9, 5, 14, 11
    port = [("name", 1, text, ""), ("data_type", 2, enum, ".T.DataType"), ("dims", 3, 3, "")]
    config = [("name", 1, text, ""), ("platform", 2, text, ""), ("max_batch_size", 4, number, "")]
    config += [("input", 5, message, ".T.Port"), ("output", 6, message, ".T.Port")]
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="T", syntax="proto3")
    values = file.enum_type.add(name="DataType").value
    for value, kind in enumerate(kinds):
        values.add(name=f"TYPE_{kind}", number=value)
    for name, fields in (("Port", port), ("ModelConfig", config)):
        made = file.message_type.add(name=name)
        for field, place, kind, of in fields:
            label = 3 if field in ("dims", "input", "output") else 1
            made.field.add(name=field, number=place, type=kind, label=label, type_name=of or None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName("T.ModelConfig"))
    return found


def test_protobuf_reads_it_back() -> None:
    inputs = (Port('a"b\\c', np.dtype("float16"), (None, 3)), Port("ids", np.dtype("int64"), (None, 2)))
    outputs = (Port("y", np.dtype("float32"), (None, None)),)
    made = replace(decision(), inputs=inputs, outputs=outputs, largest_batch=2)
    read: Any = text_format.Parse(triton.write(made), schema()())
    assert (read.name, read.platform, read.max_batch_size) == ("m", "tensorrt_plan", 2)
    ports = [(port.name, port.data_type, [*port.dims]) for port in (*read.input, *read.output)]
    assert ports == [('a"b\\c', 10, [3]), ("ids", 9, [2]), ("y", 11, [-1])]


def test_each_port_has_its_type_and_the_model_its_name() -> None:
    inputs = (Port("x", np.dtype("float16"), (2,)), Port("ids", np.dtype("int64"), (2,)))
    outputs = (Port("y", np.dtype("float32"), (2,)), Port("z", np.dtype("uint8"), (2,)))
    assert triton.write(replace(decision(), inputs=inputs, outputs=outputs)).splitlines()[1:] == [
        'name: "m"',
        'platform: "tensorrt_plan"',
        "max_batch_size: 0",
        "input [",
        '  { name: "x" data_type: TYPE_FP16 dims: [ 2 ] },',
        '  { name: "ids" data_type: TYPE_INT64 dims: [ 2 ] }',
        "]",
        "output [",
        '  { name: "y" data_type: TYPE_FP32 dims: [ 2 ] },',
        '  { name: "z" data_type: TYPE_UINT8 dims: [ 2 ] }',
        "]",
    ]


def test_one_input_of_fixed_size_keeps_the_server_from_making_batches() -> None:
    inputs = (Port("x", np.dtype("float32"), (None, 3)), Port("threshold", np.dtype("float32"), (1,)))
    assert "max_batch_size: 0" in triton.write(replace(decision(), inputs=inputs, outputs=inputs[:1]))


def test_without_a_model_it_says_what_it_needs() -> None:
    assert not triton.suits(decision())
    with pytest.raises(PlanError, match="does not hold; give the model as well: --model FILE"):
        triton.write(decision())

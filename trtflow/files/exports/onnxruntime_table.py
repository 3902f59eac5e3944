"""The INT8 calibration table of ONNX Runtime's TensorRT provider, as flatbuffers: tensor → amax as decimal text.

ONNX Runtime's own writer takes the larger end of a range and not the larger magnitude. TensorRT's cache is the other
form that the provider reads, but it parts names at their first colon.
"""

from __future__ import annotations

from trtflow.files.exports.decision import Decision

file = "calibration.flatbuffers"
summary = "ranges for ONNX Runtime's TensorRT provider, on the original ONNX"
valid = "onnxruntime-gpu 1.17 and later with TensorRT up to 10.16"

KEY, VALUE, DICT = 0, 1, 0  # places of fields: KeyValue {key, value: string}, TrtTable {dict: [KeyValue]}
OFFSET = 4  # bytes


def suits(decision: Decision) -> bool:
    """Only implicit quantization to INT8 reads ranges."""
    return decision.has_int8


def write(decision: Decision) -> bytes:
    """The table, sorted by name."""
    import flatbuffers

    builder = flatbuffers.Builder(0)
    entries = []
    for name, amax in sorted(decision.ranges.items()):
        key, value = builder.CreateString(name), builder.CreateString(repr(amax))
        builder.StartObject(2)
        builder.PrependUOffsetTRelativeSlot(KEY, key, 0)
        builder.PrependUOffsetTRelativeSlot(VALUE, value, 0)
        entries.append(builder.EndObject())
    builder.StartVector(OFFSET, len(entries), OFFSET)
    for entry in reversed(entries):
        builder.PrependUOffsetTRelative(entry)
    table = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(DICT, table, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())

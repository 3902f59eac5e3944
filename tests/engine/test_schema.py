from __future__ import annotations

from typing import Any

from toyrun import TOYS

from trtflow.engine.schema import REFERENCE, json_schema


def resolved(schema: dict[str, Any]) -> set[str]:
    """All references in a schema."""
    found = set()
    for key, value in schema.items():
        if key == "$ref":
            found.add(value)
        children = value if isinstance(value, list) else [value]
        found |= {one for child in children if isinstance(child, dict) for one in resolved(child)}
    return found


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    schema = json_schema(TOYS)
    assert resolved(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}


def test_a_typed_value_admits_a_reference_beside_itself() -> None:
    properties = json_schema(TOYS)["$defs"]["with-write"]["properties"]
    assert properties["max-count"]["anyOf"] == [{"minimum": 1, "type": "integer"}, REFERENCE]
    assert REFERENCE in properties["data"]["anyOf"]
    assert properties["text"]["type"] == "string"


def test_options_follow_the_step_type() -> None:
    step = json_schema(TOYS)["$defs"]["workflow.Step"]
    chosen = {one["if"]["properties"]["uses"]["const"]: one["then"] for one in step["allOf"]}
    assert chosen["end"] == {"properties": {"with": {"$ref": "#/$defs/with-end"}}}
    assert set(chosen) == set(TOYS)


def test_inputs_follow_the_built_in_workflow() -> None:
    named = {
        one["if"]["properties"]["workflow"]["const"]: one["then"] for one in json_schema()["$defs"]["config"]["allOf"]
    }
    inputs = named["debug-fp16"]["properties"]["with"]["properties"]
    assert {"model", "data", "metric", "accept", "rounding"} <= set(inputs)

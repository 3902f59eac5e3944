"""The JSON Schema of configs and workflows, from the same models that check them.

Every typed value also admits a reference: pydantic's own schema would reject ``${inputs.x}`` as an integer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trtflow.config.load import read
from trtflow.config.model import Config, Workflow
from trtflow.config.workflows import builtins
from trtflow.engine.catalog import catalog, load_type

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = {"type": "string", "pattern": r"\$\{[^}]+\}"}
TYPED = frozenset(["integer", "number", "boolean", "array", "object", "null"])
INPUTS: Mapping[str, dict[str, Any]] = {
    "path": {"type": "string"},
    "paths": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "string": {"type": "string"},
    "map": {"type": "object"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
}


def json_schema(steps: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One schema for both kinds of file: what names a workflow or has ``with`` is a config."""
    definitions: dict[str, Any] = {}
    for name, module in sorted(catalog(steps).items()):
        definitions |= _namespaced(load_type(name, module).options.model_json_schema(), f"with-{name}")
    definitions |= _namespaced(Config.model_json_schema(), "config")
    definitions |= _namespaced(Workflow.model_json_schema(), "workflow")
    uses = [_when("uses", name, {"with": _ref(f"with-{name}")}) for name in sorted(catalog(steps))]
    definitions["workflow.Step"]["allOf"] = uses
    definitions["config.StepPatch"]["allOf"] = uses
    definitions["config"]["allOf"] = _config_inputs()
    return {
        "$schema": DIALECT,
        "title": "trtflow configs and workflows",
        "if": {"anyOf": [{"required": ["workflow"]}, {"required": ["with"]}]},
        "then": _ref("config"),
        "else": _ref("workflow"),
        "$defs": definitions,
    }


def _namespaced(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """A model's schema and its definitions under names of their own, references admitted."""
    nested = schema.pop("$defs", {})
    found = {name: schema, **{f"{name}.{key}": value for key, value in nested.items()}}
    return {key: _admit(_renamed(value, name), top=True) for key, value in found.items()}


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_renamed(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: _renamed(one, name) for key, one in value.items()}
    if isinstance(renamed.get("$ref"), str):
        renamed["$ref"] = renamed["$ref"].replace("#/$defs/", f"#/$defs/{name}.")
    return renamed


def _admit(schema: Any, top: bool = False) -> Any:
    """``schema`` with a reference beside every typed value below it."""
    if not isinstance(schema, dict):
        return schema
    admitted = {
        **schema,
        **{key: {n: _admit(s) for n, s in schema[key].items()} for key in ("properties",) if key in schema},
        **{key: _admit(schema[key]) for key in ("items", "additionalProperties") if key in schema},
    }
    if top or not (schema.get("type") in TYPED or {"enum", "const", "anyOf", "$ref"} & schema.keys()):
        return admitted
    about = {key: admitted.pop(key) for key in ("title", "description", "default") if key in admitted}
    return {**about, "anyOf": [admitted, REFERENCE]}


def _config_inputs() -> list[dict[str, Any]]:
    """For each built-in workflow, what ``with`` may hold in a config that names it."""
    found = []
    for name, file in builtins().items():
        workflow = Workflow.model_validate(read(file).plain())
        inputs = {key: _input(one.model_dump()) for key, one in workflow.inputs.items()}
        options = {"type": "object", "properties": inputs, "additionalProperties": False}
        found.append(_when("workflow", name, {"with": options}))
    return found


def _input(declared: Mapping[str, Any]) -> dict[str, Any]:
    choice = {"enum": declared["of"] or []}
    typed = INPUTS.get(declared["type"], choice)
    alternatives = [typed, REFERENCE, *([{"type": "null"}] if declared["default"] is None else [])]
    return {"description": declared["help"], "anyOf": alternatives}


def _when(key: str, value: str, properties: dict[str, Any]) -> dict[str, Any]:
    condition = {"properties": {key: {"const": value}}, "required": [key]}
    return {"if": condition, "then": {"properties": properties}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}

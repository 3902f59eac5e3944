"""A document as a model of pydantic, or what is wrong with it: in our words and at the place in the file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trtflow.located import Located, Problem, problem
from trtflow.text import did_you_mean, suggestion

Model = TypeVar("Model", bound=BaseModel)

EXPECTED: Mapping[str, str] = {  # pydantic's error type, or its part before the first _ → what was expected
    "int": "an integer",
    "float": "a number",
    "string": "a string",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a map",
    "model": "a map",
    "dataclass": "a map",
    "path": "a path",
    "none": "null",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def validate(model: type[Model], located: Located) -> tuple[Model | None, list[Problem]]:
    """``located`` as ``model``, or None and the problems.

    JSON mode and strict: a list may become a tuple and text a path, but ``"18"`` is no integer.
    """
    try:
        text = json.dumps(located.plain())
        return model.model_validate_json(text, strict=True, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, list(problems(error, located, model))


def version_problems(located: Located, key: str, version: int, older: Collection[int] = ()) -> list[Problem]:
    """What is wrong with the version of its format that a document names first, under ``key``.

    ``older`` versions are read, too.
    """
    found = located.child(key)
    if not isinstance(located.value, dict):
        return [
            problem(f"expected a map, found {describe(located.plain())}", located, f"begin with {key}: {version}")
        ]
    if found is None:
        return [problem(f"'{key}' is missing", located, f"begin the file with {key}: {version}")]
    if found.value in (version, *older):
        return []
    newer = isinstance(found.value, int) and found.value > version
    hint = "install a newer trtflow" if newer else f"write {key}: {version}"
    return [problem(f"this trtflow reads format {version}, not {describe(found.plain())}", found, hint)]


def problems(error: ValidationError, located: Located, model: type[BaseModel]) -> Iterable[Problem]:
    """One problem for each place that pydantic complains about; alternatives of a union are joined."""
    expected: dict[tuple[str | int, ...], list[str]] = {}
    for one in error.errors(include_url=False):
        loc = _place(one)
        if one["type"] == "extra_forbidden":
            instead = getattr(model, "gone", {}).get(loc[0]) if len(loc) == 1 else None
            yield _unknown_key(located, loc, _keys_at(model.model_json_schema(), loc[:-1]), instead)
        elif loc[-1:] == ("[key]",):
            yield _unknown_key(located, loc[:-1], _choices(_expected(one)))
        elif one["type"] in ("missing", "union_tag_not_found"):
            yield problem(f"'{loc[-1]}' is missing", located.find(loc[:-1]), key=True)
        else:
            expected.setdefault(_present(located, loc), []).append(_expected(one))
    for path, texts in expected.items():
        yield _mismatch(located.find(path), list(dict.fromkeys(texts)))


def describe(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _present(located: Located, loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """``loc`` without the segments that the file lacks: union tags and the like."""
    path: list[str | int] = []
    for key in loc:
        if located.find(path).child(key) is not None:
            path.append(key)
    return tuple(path)


def _place(error: Any) -> tuple[str | int, ...]:
    """Where an error is, down to the key that tells the alternatives of a union apart."""
    kind = error["type"]
    key = error["ctx"]["discriminator"].strip("'") if kind.startswith("union_tag") else None
    return (*error["loc"], key) if key else tuple(error["loc"])


def _unknown_key(
    located: Located, loc: Sequence[str | int], known: Iterable[str], instead: str | None = None
) -> Problem:
    hint = instead or suggestion(loc[-1], known) or "it takes no keys"
    return problem(f"unknown key '{loc[-1]}'", located.find(loc), hint, key=True)


def _keys_at(schema: dict[str, Any], loc: Sequence[str | int]) -> set[str]:
    """The properties that a JSON schema admits at ``loc``."""
    here = [schema]
    for key in loc:
        below = [found for one in _alternatives(here, schema) for found in _below(one, key)]
        here = below or here
    return {name for one in _alternatives(here, schema) for name in one.get("properties", {})}


def _alternatives(schemas: Iterable[dict[str, Any]], root: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for schema in schemas:
        if "$ref" in schema:
            yield from _alternatives([root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]], root)
        elif "anyOf" in schema or "oneOf" in schema:
            yield from _alternatives(schema.get("anyOf", []) + schema.get("oneOf", []), root)
        else:
            yield schema


def _below(schema: dict[str, Any], key: str | int) -> Iterable[dict[str, Any]]:
    found = schema.get("items") if isinstance(key, int) else schema.get("properties", {}).get(key)
    extra = schema.get("additionalProperties")
    if found is None and isinstance(key, str) and isinstance(extra, dict):
        found = extra
    return [found] if isinstance(found, dict) else []


def _expected(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        expected = context.get("expected") or context["expected_tags"]
        return f"one of {expected.replace(' or ', ', ')}".replace("'", "")
    if kind == "value_error":
        return str(context["error"])
    text = EXPECTED.get(kind) or EXPECTED.get(kind.split("_")[0])
    return text.format(**context) if text else error["msg"][0].lower() + error["msg"][1:]


def _choices(expected: str) -> list[str]:
    return expected.removeprefix("one of ").split(", ") if expected.startswith("one of ") else []


def _mismatch(located: Located, texts: Sequence[str]) -> Problem:
    found = describe(located.plain())
    choices = [choice for text in texts for choice in _choices(text)]
    if any(text.startswith("expected ") for text in texts):
        return problem(f"{' or '.join(texts)}, found {found}", located)
    hint = did_you_mean(located.plain(), choices)
    return problem(f"expected {' or '.join(texts)}, found {found}", located, hint)

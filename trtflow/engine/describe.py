"""The step types for people: what each takes and makes, from its pydantic model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trtflow.engine.catalog import StepType, catalog, find_type, load_type
from trtflow.engine.key import canonical
from trtflow.errors import ConfigError
from trtflow.text import suggestion

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

TYPES = {"string": "string", "integer": "integer", "number": "number", "boolean": "true|false", "null": "null"}


def show_steps(console: Console) -> None:
    """All step types, a line each."""
    table = _table("step", "what it does")
    for name, module in sorted(catalog().items()):
        table.add_row(name, load_type(name, module).summary)
    console.print(table)


def show_step(console: Console, name: str) -> None:
    """The options, defaults, outputs and environment of a step type.

    Raises:
        ConfigError: there is no such type.
    """
    kind = find_type(name)
    if kind is None:
        raise ConfigError(f"no step type '{name}'; {suggestion(name, catalog())}")
    console.print(f"{kind.name}: {kind.summary}\n", markup=False, highlight=False)
    table = _table("option", "type", "default", "what it is")
    for row in option_rows(kind.options.model_json_schema()):
        table.add_row(*row)
    console.print(table)
    outputs = _table("output", "file", "published as")
    for output, file in kind.outputs.items():
        outputs.add_row(output, file, kind.published.get(output, ""))
    console.print(outputs)
    _show_facts(console, kind)


def option_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and help of each option; options of nested maps follow theirs, dotted."""
    yield from _rows(schema, schema.get("$defs", {}), "")


def _rows(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, str, str, str]]:
    for name, option in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else _value(option)
        yield f"{prefix}{name}", _type(option), default, option.get("description", "")
        for reference in _references(option):
            yield from _rows(definitions[reference], definitions, f"{prefix}{name}.")


def _type(option: Mapping[str, Any]) -> str:
    if "anyOf" in option:
        return " or ".join(dict.fromkeys(_type(one) for one in option["anyOf"]))
    if "enum" in option or "const" in option:
        return "|".join(map(str, option.get("enum", [option.get("const")])))
    if option.get("format") == "path":
        return "file"
    if option.get("type") == "array":
        return f"list of {_type(option.get('items', {}))}"
    return TYPES.get(option.get("type", ""), "map" if "$ref" in option or "type" in option else "any")


def _references(option: Mapping[str, Any]) -> list[str]:
    """The models that an option's value is made of."""
    nested = [option, *option.get("anyOf", [])]
    extra = option.get("additionalProperties")
    nested += [extra] if isinstance(extra, dict) else []
    return [one["$ref"].rsplit("/", 1)[-1] for one in nested if "$ref" in one]


def _value(option: Mapping[str, Any]) -> str:
    """The default; empty where it is made when needed."""
    default = option.get("default", "")
    return default if isinstance(default, str) else canonical(default)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_facts(console: Console, kind: StepType) -> None:
    environment = ", ".join(kind.environment) or "nothing"
    text = f"\nversion {kind.version}; its results depend on the installed {environment}."
    console.print(text, markup=False, highlight=False)

"""The declared inputs of a workflow, and what a config gives for them."""

from __future__ import annotations

from collections.abc import Mapping

from trtflow.checked import describe
from trtflow.config.references import Substitution
from trtflow.located import Located, Problem, problem
from trtflow.text import did_you_mean, suggestion

INPUT_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "path": ("a path", (str,)),
    "paths": ("a path or a list of paths", (str, list)),
    "string": ("a string", (str,)),
    "map": ("a map", (dict,)),
    "number": ("a number", (int, float)),
    "integer": ("an integer", (int,)),
    "boolean": ("true or false", (bool,)),
}


def read_inputs(
    config: Located, flow: Located, problems: list[Problem]
) -> tuple[dict[str, Located], Mapping[str, Located]]:
    """The value of every declared input, and the declarations; what is wrong is added to ``problems``."""
    declared = flow.child("inputs")
    specs = declared.entries if declared else {}
    given = config.child("with")
    substitution = Substitution(problems=problems)
    values = {name: substitution.apply(value) for name, value in (given.entries if given else {}).items()}
    problems += [
        problem(f"the workflow has no input '{name}'", value, suggestion(name, specs), key=True)
        for name, value in values.items()
        if name not in specs
    ]
    found: dict[str, Located] = {}
    for name, spec in specs.items():
        value = values.get(name, substitution.apply(spec).child("default"))
        if value is None:
            help_text = _text(spec, "help")
            where = given or config
            hint = f"{_text(spec, 'type')}: {help_text}" if help_text else ""
            problems.append(problem(f"the input '{name}' is missing", where, hint, key=True))
            found[name] = Located(None, where.key or where.at)
        else:
            found[name] = value
            problems += _input_problems(name, value, spec)
    return found, specs


def is_of_type(spec: Located, kind: str) -> bool:
    """Whether an input is declared as ``kind``."""
    return _text(spec, "type") == kind


def _text(spec: Located, key: str) -> str:
    child = spec.child(key)
    return str(child.value) if child else ""


def _input_problems(name: str, value: Located, spec: Located) -> list[Problem]:
    default = spec.child("default")
    if value.value is None and default is not None and default.value is None:
        return []
    kind = _text(spec, "type")
    if kind == "choice":
        choices = spec.find(("of",)).plain()
        if not isinstance(choices, list) or value.plain() in choices:
            return []
        text = f"'{name}' is one of {', '.join(map(str, choices))}, found {describe(value.plain())}"
        return [problem(text, value, did_you_mean(value.plain(), map(str, choices)))]
    expected, types = INPUT_TYPES.get(kind, ("", (object,)))
    fits = isinstance(value.value, types) and (isinstance(value.value, bool) <= (types in ((bool,), (object,))))
    return [] if fits else [problem(f"'{name}' is {expected}, found {describe(value.plain())}", value)]

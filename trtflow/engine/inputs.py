"""What a step's options refer to: files, code, outputs of steps and records of steps.

The options' types say which values these are; the positions in the YAML say what a relative path is relative
to. An input knows its ``path`` in the options (as YAML spells the keys).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from trtflow.located import Key, Located, OutputReference, Problem, problem, shown
from trtflow.steps.contract import CodeReference, StepRecord
from trtflow.text import suggestion

Place = tuple[Key, ...]


@dataclass(frozen=True)
class FileInput:
    """A user's file or folder."""

    path: Place
    file: Path


@dataclass(frozen=True)
class CodeInput:
    """A function in a user's Python file."""

    path: Place
    file: Path
    function: str


@dataclass(frozen=True)
class OutputInput:
    """A file that another step makes."""

    path: Place
    step: str
    output: str


@dataclass(frozen=True)
class RecordInput:
    """What became of another step, done or not."""

    path: Place
    step: str


Input = FileInput | CodeInput | OutputInput | RecordInput


def find_inputs(options: BaseModel, located: Located) -> list[Input]:
    """The inputs among checked ``options``, which were written as ``located``."""
    return [_input(path, value, located.find(path)) for path, value in _references(options, ())]


def replaced(document: Any, values: Mapping[Place, Any], path: Place = ()) -> Any:
    """A copy of a JSON-ready document with the values at the given places replaced."""
    if path in values:
        return values[path]
    if isinstance(document, dict):
        return {key: replaced(value, values, (*path, key)) for key, value in document.items()}
    if isinstance(document, list):
        return [replaced(value, values, (*path, index)) for index, value in enumerate(document)]
    return document


def file_problems(inputs: list[Input], located: Located) -> Iterator[Problem]:
    """Files that are not there, functions that a file lacks, and outputs where no file is taken."""
    places = {one.path for one in inputs if isinstance(one, OutputInput)}
    for path, leaf in located.leaves():
        if isinstance(leaf.value, OutputReference) and path not in places:
            yield problem(f"{leaf.value} is a file, and '{path[-1]}' does not take one", leaf)
    for one in inputs:
        if isinstance(one, (FileInput, CodeInput)):
            yield from _missing(one, located.find(one.path))


def _references(value: Any, path: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, (Path, CodeReference, StepRecord)):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _references(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _references(child, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _references(child, (*path, index))


def _input(path: Place, value: Any, written: Located) -> Input:
    if isinstance(value, StepRecord):
        return RecordInput(path, value.name)
    if isinstance(written.value, OutputReference):
        return OutputInput(path, written.value.step, written.value.output)
    if isinstance(value, CodeReference):
        return CodeInput(path, (written.at.folder / value.file).resolve(), value.function)
    return FileInput(path, (written.at.folder / value).resolve())


def _missing(one: FileInput | CodeInput, written: Located) -> Iterator[Problem]:
    if not one.file.exists():
        beside = [path.name for path in one.file.parent.iterdir()] if one.file.parent.is_dir() else []
        hint = suggestion(one.file.name, beside)
        yield problem(f"no such file: {shown(one.file)}", written, hint if hint.startswith("did") else "")
    elif isinstance(one, CodeInput):
        names = _defined(one.file)
        if names is not None and one.function not in names:
            message = f"{shown(one.file)} defines no '{one.function}'"
            yield problem(message, written, suggestion(one.function, names))


def _defined(file: Path) -> set[str] | None:
    """The names a Python file binds at its top level; None where that cannot be told without running it."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError, OSError):
        return None  # the step will say what is wrong with it
    names: set[str | None] = set()
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        else:  # assignments, imports, and whatever stands below an if or a try
            names |= {getattr(node, "name", getattr(node, "id", "")) for node in ast.walk(statement)}
            names |= {node.asname for node in ast.walk(statement) if isinstance(node, ast.alias)}
    return {name for name in names if name}  # an except without a name has none

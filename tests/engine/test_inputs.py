from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.config.references import Substitution
from trtflow.engine.inputs import (
    CodeInput,
    FileInput,
    Input,
    OutputInput,
    RecordInput,
    file_problems,
    find_inputs,
    replaced,
)
from trtflow.located import Located
from trtflow.steps.contract import Code, File, Options, Source, Steps
from trtflow.yaml12 import dump, parse


class Nested(Options):
    """A map in the options."""

    source: Source | None = None


class With(Options):
    """An option for each kind of input."""

    model: File | None = None
    metric: Code | None = None
    data: Nested = Nested()
    of: Steps = ()
    files: list[File] = []  # noqa: RUF012 - pydantic copies it
    named: dict[str, File] = {}  # noqa: RUF012
    text: str = ""


def written(document: dict[str, Any], folder: Path) -> Located:
    """Options as a config in ``folder`` has them, references to the step ``before`` resolved."""
    located = parse(dump(document), "config.yaml", folder)
    return Substitution(steps=["before"]).apply(located)


def found(document: dict[str, Any], folder: Path) -> list[Input]:
    """The inputs among the options."""
    located = written(document, folder)
    return find_inputs(With.model_validate(located.plain()), located)


HERE = Path("/repo/configs")


@pytest.mark.parametrize(
    ("document", "inputs"),
    [
        ({"text": "net.onnx"}, []),
        ({"model": "net.onnx"}, [FileInput(("model",), HERE / "net.onnx")]),
        ({"model": "../net.onnx"}, [FileInput(("model",), Path("/repo/net.onnx"))]),
        ({"model": "/abs/net.onnx"}, [FileInput(("model",), Path("/abs/net.onnx"))]),
        ({"model": "${before.model}"}, [OutputInput(("model",), "before", "model")]),
        ({"data": {"source": "eval.npz"}}, [FileInput(("data", "source"), HERE / "eval.npz")]),
        ({"data": {"source": "my.py:load"}}, [CodeInput(("data", "source"), HERE / "my.py", "load")]),
        ({"data": {"source": "${before.data}"}}, [OutputInput(("data", "source"), "before", "data")]),
        ({"of": ["a", "b"]}, [RecordInput(("of", 0), "a"), RecordInput(("of", 1), "b")]),
        ({"files": ["x", "y"]}, [FileInput(("files", 0), HERE / "x"), FileInput(("files", 1), HERE / "y")]),
        ({"named": {"k": "x"}}, [FileInput(("named", "k"), HERE / "x")]),
    ],
)
def test_the_type_of_an_option_says_what_its_value_stands_for(document: dict[str, Any], inputs: list[Input]) -> None:
    assert found(document, HERE) == inputs


def complaints(document: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """What is wrong with the inputs, and what would help."""
    located = written(document, folder)
    inputs = find_inputs(With.model_validate(located.plain()), located)
    return [(one.message, one.help) for one in file_problems(inputs, located)]


CODE = """\
import json as reader
from os import path
CONSTANT = 1
class Loader: pass
async def later(): pass
try:
    def guarded(): pass
except ImportError:
    guarded = None
def load(): inner = 1
"""


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"model": "net.onnx", "metric": "code.py:load"}, []),
        ({"model": "nat.onnx"}, [("no such file: nat.onnx", "did you mean 'net.onnx'?")]),
        ({"model": "far/away.onnx"}, [("no such file: far/away.onnx", "")]),
        ({"model": "${before.model}"}, []),
        ({"text": "${before.model}"}, [("${before.model} is a file, and 'text' does not take one", "")]),
        ({"metric": "code.py:laod"}, [("code.py defines no 'laod'", "did you mean 'load'?")]),
        ({"metric": "cod.py:load"}, [("no such file: cod.py", "did you mean 'code.py'?")]),
        ({"metric": "broken.py:load"}, []),
    ],
)
def test_files_and_functions_that_are_not_there_are_named(
    document: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").touch()
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("def load(:\n")
    assert complaints(document, tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "defined"),
    [
        ("load", True),
        ("Loader", True),
        ("CONSTANT", True),
        ("reader", True),
        ("path", True),
        ("later", True),
        ("guarded", True),
        ("inner", False),
        ("none", False),
    ],
)
def test_a_function_may_be_defined_in_any_way_at_the_top(name: str, defined: bool, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(CODE)
    assert (complaints({"metric": f"code.py:{name}"}, tmp_path) == []) == defined


documents = st.recursive(
    st.integers(), lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=2), child, max_size=3)
)


def places(document: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values that are no collections."""
    if isinstance(document, dict):
        return [place for key, value in document.items() for place in places(value, (*path, key))]
    if isinstance(document, list):
        return [place for index, value in enumerate(document) for place in places(value, (*path, index))]
    return [path]


@given(documents)
def test_replacing_touches_the_given_places_and_nothing_else(document: Any) -> None:
    assert replaced(document, {}) == document
    every = dict.fromkeys(places(document), "new")
    assert places(replaced(document, every)) == places(document)
    assert all(value == "new" for value in flat(replaced(document, every)))


def flat(document: Any) -> list[Any]:
    """All values that are no collections."""
    children = document.values() if isinstance(document, dict) else document
    return [leaf for child in children for leaf in flat(child)] if isinstance(document, (dict, list)) else [document]


def test_a_collection_is_replaced_whole() -> None:
    assert replaced({"a": {"b": [1, 2]}, "c": 3}, {("a", "b"): "x"}) == {"a": {"b": "x"}, "c": 3}

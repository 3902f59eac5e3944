from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest
from toyrun import TOYS
from toysteps.write import With

from trtflow.engine.catalog import GROUP, catalog, find_type, load_type
from trtflow.steps import STEPS


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that brings the toys ``write`` and a second ``bisect``."""
    entries = [EntryPoint("write", "toysteps.write", GROUP), EntryPoint("bisect", "toysteps.end", GROUP)]

    def entry_points(group: str) -> EntryPoints:
        return EntryPoints(entry for entry in entries if entry.group == group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


@pytest.mark.usefixtures("installed")
def test_others_add_step_types_and_never_replace_ours() -> None:
    assert catalog() == {**STEPS, "write": "toysteps.write"}


@pytest.mark.usefixtures("installed")
def test_a_type_is_found_among_those_of_others() -> None:
    found = find_type("write")
    assert found is not None
    assert (found.module, found.options) == ("toysteps.write", With)


def test_ours_are_found_without_looking_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(group: str) -> EntryPoints:
        raise AssertionError(group)

    monkeypatch.setattr(importlib.metadata, "entry_points", forbidden)
    found = find_type("inspect")
    assert found is not None
    assert found.module == "trtflow.steps.inspect"


def test_a_type_that_nobody_has_is_none() -> None:
    assert find_type("none-such") is None
    assert find_type("bisect", TOYS) is None


def test_a_type_is_what_its_module_declares() -> None:
    found = load_type("write", TOYS["write"])
    assert (found.name, found.summary, found.version) == ("write", "Write a text, once more each time it runs.", 1)
    assert (found.environment, found.optional) == (("pyyaml",), ("extra",))
    assert found.outputs == {"text": "text.txt", "extra": "extra.bin"}
    assert found.published == {"text": "{config}.{config}.txt"}


def test_what_a_module_may_leave_out_is_empty() -> None:
    found = load_type("end", TOYS["end"])
    assert (found.environment, found.optional, found.published) == ((), (), {})


def test_a_module_without_a_docstring_has_no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("silent")
    monkeypatch.setitem(__import__("sys").modules, "silent", module)
    for name, value in {"version": 1, "environment": (), "outputs": {}, "With": With}.items():
        setattr(module, name, value)
    assert load_type("silent", "silent").summary == ""


@pytest.mark.parametrize(("name", "path"), STEPS.items(), ids=STEPS.keys())
def test_each_step_of_ours_is_whole(name: str, path: str) -> None:
    found = load_type(name, path)
    assert found.summary.endswith(".")
    assert found.outputs.keys() >= {*found.optional, *found.published}
    assert len(set(found.outputs.values())) == len(found.outputs)

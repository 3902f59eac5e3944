from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toyrun import TOYS, Toy

from trtflow.engine.digest import Digests
from trtflow.engine.key import canonical, key_material, key_of, task_options
from trtflow.engine.plan import make_plan
from trtflow.steps.contract import StepRecord
from trtflow.yaml12 import dump

FACTS = {"pyyaml": "6"}
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(), child, max_size=3),
    max_leaves=10,
)


def shuffled(document: Any) -> Any:
    """The same document with every map in the opposite order."""
    if isinstance(document, dict):
        return {key: shuffled(value) for key, value in reversed(document.items())}
    return [shuffled(value) for value in document] if isinstance(document, list) else document


@given(documents)
def test_the_order_of_maps_never_changes_a_key(document: Any) -> None:
    assert key_of({"with": document}) == key_of({"with": shuffled(document)})


@given(documents, documents)
def test_different_documents_have_different_keys(one: Any, other: Any) -> None:
    assert (key_of({"with": one}) == key_of({"with": other})) == (canonical(one) == canonical(other))


def key(folder: Path, step: str, options: dict[str, Any], facts: dict[str, str | None] = FACTS) -> str:
    """The key of a ``write`` step called ``step`` in a config in ``folder``."""
    (folder / "flow.yaml").write_text(dump({"trtflow": 1, "steps": {step: {"uses": "write", "with": options}}}))
    (folder / "toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\n")
    planned = make_plan(folder / "toy.yaml", steps=TOYS).steps[step]
    return key_of(key_material(planned, {}, facts, Digests()))


names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).filter(lambda name: name not in ("inputs", "env"))
options = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text("abc \n:#'\"", max_size=8),
        "max-count": st.integers(1, 99),
        "mode": st.text("abc", max_size=3),
        "data": st.fixed_dictionaries({}, optional={"labels": st.none() | st.just("masks")}),
    },
)
DEFAULTS = {"text": "hello", "max-count": 1, "mode": "plain", "data": {"labels": None}, "after": None}


@given(options, names, names)
@settings(max_examples=25, deadline=None)
def test_names_paths_times_and_written_defaults_are_not_in_the_key(
    chosen: dict[str, Any], one: str, other: str
) -> None:
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        for folder in (here, there):
            Path(folder, "input.txt").write_text("content")
        os.utime(Path(there, "input.txt"), (1, 1))
        Path(there, "renamed.txt").hardlink_to(Path(there, "input.txt"))
        spelled = {**DEFAULTS, **chosen, "data": {**DEFAULTS["data"], **chosen.get("data", {})}}
        first = key(Path(here), one, {**chosen, "after": "input.txt"})
        assert first == key(Path(there), other, shuffled({**spelled, "after": "renamed.txt"}))


@given(options, options)
@settings(max_examples=25, deadline=None)
def test_any_other_value_is_another_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    def filled(chosen: dict[str, Any]) -> dict[str, Any]:
        return {**DEFAULTS, **chosen, "data": {**DEFAULTS["data"], **chosen.get("data", {})}}

    with tempfile.TemporaryDirectory() as folder:
        same = key(Path(folder), "step", one) == key(Path(folder), "step", other)
    assert same == (filled(one) == filled(other))


def test_content_version_code_and_facts_are_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input.txt").write_text("content")
    (tmp_path / "code.py").write_text("def load(): return 1\ndef other(): return 1\n")
    chosen = {"after": "input.txt", "data": {"source": "code.py:load"}}
    keys = [key(tmp_path, "step", chosen)]
    keys.append(key(tmp_path, "step", {**chosen, "data": {"source": "code.py:other"}}))
    keys.append(key(tmp_path, "step", chosen, {"pyyaml": "7"}))
    keys.append(key(tmp_path, "step", chosen, {"pyyaml": None}))
    (tmp_path / "input.txt").write_text("other content")
    keys.append(key(tmp_path, "step", chosen))
    (tmp_path / "code.py").write_text("def load(): return 2\ndef other(): return 1\n")
    keys.append(key(tmp_path, "step", chosen))
    monkeypatch.setattr("toysteps.write.version", 2)
    keys.append(key(tmp_path, "step", chosen))
    assert len(set(keys)) == len(keys)


def test_a_key_stays_what_it_is_across_releases(tmp_path: Path) -> None:
    """A golden key: change it only together with FORMAT, since every cache in the world is lost by it."""
    assert key(tmp_path, "step", {}) == "85d2f0742f536287bb345bf4129d1cca6e3a215012c9210643c9155ed0ff402a"


def test_paths_are_relative_to_the_file_that_writes_them(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    here = toy.folder / "here"
    sub = toy.folder / "flows"
    sub.mkdir()
    here.mkdir()
    for folder, text in ((toy.folder, "config"), (sub, "workflow"), (here, "shell")):
        (folder / "input.txt").write_text(text)
    toy.workflow(
        {
            "own": {"uses": "write", "with": {"after": "input.txt"}},
            "given": {"uses": "write", "with": {"data": "${inputs.data}"}},
            "shell": {"uses": "write", "with": {"after": "${inputs.file}"}},
        },
        {"data": {"type": "map"}, "file": {"type": "path", "default": None}},
    )
    shutil.move(toy.folder / "flow.yaml", sub / "flow.yaml")
    toy.config({"data": {"source": "input.txt"}}, workflow="./flows/flow.yaml")
    monkeypatch.chdir(here)
    steps = toy.plan("with.file=input.txt").steps
    files = {name: step.inputs[0].file.read_text() for name, step in steps.items()}  # type: ignore[union-attr]
    assert files == {"own": "workflow", "given": "config", "shell": "shell"}


def test_records_of_steps_count_without_times_and_places() -> None:
    one = StepRecord("a", seconds=1.0, cached=False, outputs={"x": Path("here")}, digests={"x": "1"}, log=("a",))
    other = StepRecord("a", seconds=2.0, cached=True, outputs={"x": Path("there")}, digests={"x": "1"}, log=())
    assert one.evidence() == other.evidence()


def test_the_child_gets_absolute_paths_and_whole_records(toy: Toy) -> None:
    (toy.folder / "code.py").write_text("def load(): pass\n")
    (toy.folder / "input.txt").write_text("content")
    toy.workflow(
        {
            "first": {"uses": "write", "with": {"after": "input.txt", "data": {"source": "code.py:load"}}},
            "second": {"uses": "write", "with": {"after": "${first.text}"}},
            "gather": {"uses": "gather", "with": {"of": ["first"]}},
        }
    )
    steps = toy.plan().steps
    record = StepRecord("first", "write", "done", outputs={"text": Path("/store/text.txt")}, digests={"text": "1"})
    found = {name: task_options(step, {"first": record}) for name, step in steps.items()}
    assert found["first"]["after"] == str(toy.folder / "input.txt")
    assert found["first"]["data"] == {"source": f"{toy.folder / 'code.py'}:load", "labels": None}
    assert found["second"]["after"] == "/store/text.txt"
    assert found["gather"]["of"][0]["outputs"] == {"text": "/store/text.txt"}
    assert json.dumps(found)

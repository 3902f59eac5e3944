"""A config and its workflow become steps with their options, whatever is wrong elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.config.load import LoadedConfig, load_config, read
from trtflow.errors import ConfigError
from trtflow.located import OutputReference, Problem

FLOW = """\
trtflow: 1
description: Two steps.
inputs:
  text: {type: string, default: a}
  file: {type: path, default: null}
steps:
  first: {uses: write, with: {text: "${inputs.text}", note: "see ${inputs.file}"}, timeout: 30m}
  second: {uses: write, with: {after: "${first.text}"}, needs: [first]}
"""
CONFIG = "trtflow: 1\nworkflow: ./flow.yaml\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flow.yaml").write_text(FLOW)
    Path("other.yaml").write_text(FLOW.replace("Two steps.", "Others."))


def load(config: str = CONFIG, *overrides: str, workflow: str | None = None) -> tuple[LoadedConfig, list[Problem]]:
    Path("net.yaml").write_text(config)
    return load_config(Path("net.yaml"), overrides, workflow)


def messages(config: str, *overrides: str) -> list[tuple[str, str]]:
    return [(one.message, one.help) for one in load(config, *overrides)[1]]


def test_steps_come_with_their_options_after_substitution() -> None:
    loaded, problems = load(CONFIG + "with: {text: hello, file: x.npz}\n")
    assert (problems, loaded.name, loaded.workflow, loaded.description) == ([], "net", "./flow.yaml", "Two steps.")
    first, second = loaded.steps.values()
    assert (first.name, first.uses.value, first.timeout) == ("first", "write", 1800.0)
    assert first.options.plain() == {"text": "hello", "note": f"see {Path('x.npz').resolve()}"}
    assert second.options.entries["after"].value == OutputReference("first", "text")
    assert ([one.value for one in second.needs], second.timeout) == (["first"], None)


def test_a_config_changes_single_options_and_adds_steps() -> None:
    patches = "steps:\n  first: {with: {note: mine}, timeout: 5}\n  third: {uses: end}\n"
    loaded, problems = load(CONFIG + patches)
    assert (problems, list(loaded.steps)) == ([], ["first", "second", "third"])
    assert loaded.steps["first"].options.plain() == {"text": "a", "note": "mine"}
    assert (loaded.steps["first"].timeout, loaded.steps["third"].options.plain()) == (5.0, {})


@pytest.mark.parametrize(
    ("overrides", "workflow", "changed"),
    [((), None, False), (("with.text=b",), None, True), ((), "./flow.yaml", False), ((), "./other.yaml", True)],
)
def test_what_the_command_line_alters_is_marked(
    overrides: tuple[str, ...], workflow: str | None, changed: bool
) -> None:
    assert load(CONFIG, *overrides, workflow=workflow)[0].changed is changed


def test_the_command_line_goes_before_the_file() -> None:
    loaded, _ = load(CONFIG + "with: {text: b}\n", "with.text=c", workflow="./other.yaml")
    assert (loaded.steps["first"].options.plain()["text"], loaded.description) == ("c", "Others.")


@pytest.mark.parametrize(
    ("patch", "message", "hint"),
    [
        ("steps: {frist: {with: {}}}", "the workflow has no step 'frist', and a new one needs 'uses'",
         "did you mean 'first'?"),
        ("steps: {env: {uses: write}}", "a step cannot be called 'env'", "references use that name"),
        ("steps: {first: {needs: [secnd]}}", "no step 'secnd'", "did you mean 'second'?"),
        ("steps: {first: {needs: [3]}}", "expected a string, found 3", ""),
        ("with: {txet: b}", "the workflow has no input 'txet'", "did you mean 'text'?"),
        ("setps: {}", "unknown key 'setps'", "did you mean 'steps'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_the_rest_is_loaded(patch: str, message: str, hint: str) -> None:
    assert (message, hint) in messages(f"{CONFIG}{patch}\n")
    assert {"first", "second"} <= load(f"{CONFIG}{patch}\n")[0].steps.keys()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("trtflow: 1\n", "'workflow' is missing"),
        ("trtflow: 1\nworkflow: debug-fp61\n", "did you mean 'debug-fp16'"),
        ("trtflow: 1\nworkflow: ./none.yaml\n", "net.yaml:2:11: no such file: none.yaml"),
        ("trtflow: 2\nworkflow: ./flow.yaml\n", "this trtflow reads format 1, not 2"),
        ("workflow: ./flow.yaml\n", "begin the file with trtflow: 1"),
        ("- 1\n", "expected a map, found a list"),
    ],
)
def test_without_a_workflow_there_is_nothing_to_load(config: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(config)


def test_a_workflow_of_another_format_is_told_at_its_place() -> None:
    Path("flow.yaml").write_text(FLOW.replace("trtflow: 1", "trtflow: 7"))
    with pytest.raises(ConfigError, match=r"flow\.yaml:1:10: this trtflow reads format 1, not 7"):
        load()


def test_a_file_that_cannot_be_read_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        read(Path("none.yaml"))

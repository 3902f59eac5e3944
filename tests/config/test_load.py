"""From files and arguments to steps: what is merged, overridden and substituted, and what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtflow.config.load import LoadedConfig, load_config, read
from trtflow.errors import ConfigError
from trtflow.located import OutputReference, shown

FLOW = """\
trtflow: 1
description: A flow of two.
inputs:
  text: {type: string, default: hello}
  file: {type: path, default: null}
steps:
  first: {uses: write, with: {text: "${inputs.text}", after: "${inputs.file}"}, timeout: 30m}
  second: {uses: write, with: {after: "${first.text}"}, needs: [first]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a workflow, which is the current one."""
    monkeypatch.chdir(tmp_path)
    Path("flow.yaml").write_text(FLOW)
    return tmp_path


def loaded(text: str = "", *overrides: str, workflow: str | None = None) -> tuple[LoadedConfig, list[str]]:
    """The config with this text below its head, and the messages of its problems."""
    Path("toy.yaml").write_text(f"trtflow: 1\nworkflow: ./flow.yaml\n{text}")
    config, problems = load_config(Path("toy.yaml"), overrides, workflow)
    return config, [one.message for one in problems]


def options(config: LoadedConfig, step: str) -> dict[str, Any]:
    """The options of a step, as they are written."""
    found: dict[str, Any] = config.steps[step].options.plain()
    return found


def test_a_config_is_its_workflow_with_inputs_filled_in() -> None:
    config, problems = loaded("with: {text: hi}\n")
    assert problems == []
    assert (config.name, config.workflow, config.description) == ("toy", "./flow.yaml", "A flow of two.")
    assert config.file == Path("toy.yaml").resolve()
    assert options(config, "first") == {"text": "hi", "after": None}
    assert config.steps["second"].options.find(("after",)).value == OutputReference("first", "text")
    assert [one.value for one in config.steps["second"].needs] == ["first"]
    assert (config.steps["first"].timeout, config.steps["second"].timeout) == (1800.0, None)


@pytest.mark.parametrize(
    ("patch", "step", "found"),
    [
        ("first: {with: {text: x}}", "first", {"text": "x", "after": None}),
        ("first: {with: {mode: y}}", "first", {"text": "hello", "after": None, "mode": "y"}),
        ("third: {uses: write, with: {text: z}}", "third", {"text": "z"}),
        ("third: {uses: write}", "third", {}),
        ("third: {uses: write, with: {after: '${second.text}'}}", "third", {"after": "${second.text}"}),
    ],
)
def test_a_config_patches_and_adds_steps(patch: str, step: str, found: dict[str, Any]) -> None:
    config, problems = loaded(f"steps: {{{patch}}}\n")
    assert (options(config, step), problems) == (found, [])


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (["with.text=x"], "x"),
        (["with.text=x", "with.text=y"], "y"),
        (["steps.first.with.text=z"], "z"),
        (["with.text=x", "steps.first.with.text=z"], "z"),
    ],
)
def test_the_command_line_comes_last(overrides: list[str], text: str) -> None:
    config, problems = loaded("with: {text: file}\n", *overrides)
    assert (options(config, "first")["text"], problems) == (text, [])


@pytest.mark.parametrize(
    ("overrides", "workflow", "changed"),
    [
        ([], None, False),
        ([], "./flow.yaml", False),
        ([], "./other.yaml", True),
        (["with.text=x"], None, True),
    ],
)
def test_a_config_knows_whether_the_command_line_changed_it(
    overrides: list[str], workflow: str | None, changed: bool
) -> None:
    Path("other.yaml").write_text(FLOW)
    assert loaded("", *overrides, workflow=workflow)[0].changed == changed


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("steps: {inputs: {uses: write}}\n", ["a step cannot be called 'inputs'"]),
        ("steps: {env: {uses: write}}\n", ["a step cannot be called 'env'"]),
        ("steps: {frist: {with: {}}}\n", ["the workflow has no step 'frist', and a new one needs 'uses'"]),
        ("steps: {second: {needs: [frist]}}\n", ["no step 'frist'"]),
        ("steps: {first: {with: {text: '${none.text}'}}}\n", ["no step 'none'"]),
        ("steps: {first: {uses: 3}}\n", ["expected a string, found 3"]),
        (
            "steps: {first: {timeout: soon}}\n",
            ["expected seconds, or a number with s, m or h such as 30m, found 'soon'"],
        ),
        ("steps: {first: {timeout: [1]}}\n", ["expected a number, found a list"]),
        ("with: {txt: x}\n", ["the workflow has no input 'txt'"]),
        ("novel: 1\n", ["unknown key 'novel'"]),
    ],
)
def test_problems_are_collected_and_not_raised(text: str, messages: list[str]) -> None:
    assert set(loaded(text)[1]) == set(messages)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "none.yaml: cannot be read: No such file or directory. Give the path of a YAML file."),
        (b"\xff\xfe\x00", "none.yaml: cannot be read: it is not UTF-8 text. Give the path of a YAML file."),
        (b"- a\n", "expected a map, found a list"),
        (b"", "expected a map, found null"),
        (b"workflow: a\n", "'trtflow' is missing"),
        (b"trtflow: 2\n", "this trtflow reads format 1, not 2"),
        (b"trtflow: one\n", "this trtflow reads format 1, not 'one'"),
        (b"trtflow: 1\ntrtflow: 1\n", "trtflow"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(text: bytes | None, message: str) -> None:
    if text is not None:
        Path("none.yaml").write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        read(Path("none.yaml"))
    assert message in str(caught.value)


@pytest.mark.parametrize(("version", "hint"), [("2", "install a newer trtflow"), ("0", "write trtflow: 1")])
def test_another_format_says_what_to_do(version: str, hint: str) -> None:
    Path("none.yaml").write_text(f"trtflow: {version}\n")
    with pytest.raises(ConfigError, match=hint):
        read(Path("none.yaml"))


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        ("workflow: debug-fp61", "no workflow 'debug-fp61'"),
        ("workflow: ./none.yaml", "no such file: none.yaml"),
        ("workflow: 3", "expected a string, found 3"),
        ("{}", "'workflow' is missing"),
    ],
)
def test_without_its_workflow_a_config_cannot_be_loaded(workflow: str, message: str) -> None:
    Path("toy.yaml").write_text("trtflow: 1\n" if workflow == "{}" else f"trtflow: 1\n{workflow}\n")
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        load_config(Path("toy.yaml"))


def test_a_built_in_workflow_is_known_by_name() -> None:
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: debug-fp16\nwith: {model: net.onnx, data: {}}\n")
    config, problems = load_config(Path("toy.yaml"))
    assert (config.workflow, problems) == ("debug-fp16", [])
    assert {"inspect", "bisect", "report"} <= config.steps.keys()


def test_a_path_on_the_command_line_is_relative_to_the_shell(folder: Path) -> None:
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\nwith: {file: near}\n")
    given, _ = load_config(folder / "toy.yaml", ["with.file=far"], folder=Path("/shell"))
    written, _ = load_config(folder / "toy.yaml", folder=Path("/shell"))
    where = [one.steps["first"].options.find(("after",)).at.folder for one in (given, written)]
    assert where == [Path("/shell"), folder]


@pytest.mark.parametrize(
    ("file", "text"), [("a.yaml", "a.yaml"), ("sub/a.yaml", "sub/a.yaml"), ("sub/../a.yaml", "a.yaml")]
)
def test_a_path_below_the_current_folder_is_shown_relative(file: str, text: str, folder: Path) -> None:
    assert shown(folder / file) == text
    assert shown(folder.parent / "a.yaml") == str(folder.parent / "a.yaml")

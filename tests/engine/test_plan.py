"""Broken configs and exactly what is said of them: every message is designed, and stays so."""

from __future__ import annotations

from pathlib import Path

import pytest
from toyrun import TOYS

from trtflow.engine.plan import Plan, make_plan
from trtflow.errors import ConfigError

FLOW = """\
trtflow: 1
inputs:
  text: {type: string, help: what to write}
  data: {type: map, default: {}}
  mode: {type: choice, of: [plain, fancy], default: plain}
  file: {type: path, default: null}
steps:
  first:
    uses: write
    with: {text: "${inputs.text}", data: "${inputs.data}", mode: "${inputs.mode}", after: "${inputs.file}"}
  second: {uses: write, with: {after: "${first.text}"}}
"""
CONFIG = "trtflow: 1\nworkflow: ./flow.yaml\nwith: {text: hello}\n"

CASES = {
    "unknown key, with a suggestion": (
        CONFIG + "stpes: {}\n",
        FLOW,
        """\
toy.yaml:4:1: unknown key 'stpes'
    4 | stpes: {}
      | ^^^^^
      = did you mean 'steps'?
""",
    ),
    "format missing": (
        "workflow: ./flow.yaml\n",
        FLOW,
        """\
toy.yaml:1:1: 'trtflow' is missing
    1 | workflow: ./flow.yaml
      | ^
      = begin the file with trtflow: 1
""",
    ),
    "a file from the future is told before its unknown keys": (
        "trtflow: 2\nnovel: 1\n",
        FLOW,
        """\
toy.yaml:1:10: this trtflow reads format 1, not 2
    1 | trtflow: 2
      |          ^
      = install a newer trtflow
""",
    ),
    "unknown workflow": (
        CONFIG.replace("./flow.yaml", "debug-fp61"),
        FLOW,
        """\
toy.yaml:2:11: no workflow 'debug-fp61'
    2 | workflow: debug-fp61
      |           ^^^^^^^^^^
      = did you mean 'debug-fp16'?
""",
    ),
    "workflow file missing": (
        CONFIG.replace("flow.yaml", "flwo.yaml"),
        FLOW,
        """\
toy.yaml:2:11: no such file: flwo.yaml
    2 | workflow: ./flwo.yaml
      |           ^^^^^^^^^^^
""",
    ),
    "unknown input": (
        CONFIG.replace("text: hello", "text: hello, dtaa: {}"),
        FLOW,
        """\
toy.yaml:3:21: the workflow has no input 'dtaa'
    3 | with: {text: hello, dtaa: {}}
      |                     ^^^^
      = did you mean 'data'?
""",
    ),
    "missing input": (
        CONFIG.replace("text: hello", ""),
        FLOW,
        """\
toy.yaml:3:1: the input 'text' is missing
    3 | with: {}
      | ^^^^
      = string: what to write
""",
    ),
    "input of another type": (
        CONFIG.replace("hello", "1e-3"),
        FLOW,
        """\
toy.yaml:3:14: 'text' is a string, found 0.001
    3 | with: {text: 1e-3}
      |              ^^^^
""",
    ),
    "not a choice": (
        CONFIG.replace("hello", "hello, mode: fanci"),
        FLOW,
        """\
toy.yaml:3:27: 'mode' is one of plain, fancy, found 'fanci'
    3 | with: {text: hello, mode: fanci}
      |                           ^^^^^
      = did you mean 'fancy'?
""",
    ),
    "a value through a reference points at both places": (
        CONFIG.replace("hello", "hello, data: {labels: 3}"),
        FLOW,
        """\
toy.yaml:3:36: expected a string, found 3
    3 | with: {text: hello, data: {labels: 3}}
      |                                    ^
  used at flow.yaml:10:43
   10 |     with: {text: "${inputs.text}", data: "${inputs.data}", mode: "${inputs.mode}", after
      |                                           ^^^^^^^^^^^^^^
""",
    ),
    "a key through a reference": (
        CONFIG.replace("hello", "hello, data: {lables: x}"),
        FLOW,
        """\
toy.yaml:3:28: unknown key 'lables'
    3 | with: {text: hello, data: {lables: x}}
      |                            ^^^^^^
      = did you mean 'labels'?
  used at flow.yaml:10:43
   10 |     with: {text: "${inputs.text}", data: "${inputs.data}", mode: "${inputs.mode}", after
      |                                           ^^^^^^^^^^^^^^
""",
    ),
    "no such file, through a reference": (
        CONFIG.replace("hello", "hello, file: toy.yml"),
        FLOW,
        """\
toy.yaml:3:27: no such file: toy.yml
    3 | with: {text: hello, file: toy.yml}
      |                           ^^^^^^^
      = did you mean 'toy.yaml'?
  used at flow.yaml:10:92
   10 | …${inputs.text}", data: "${inputs.data}", mode: "${inputs.mode}", after: "${inputs.file}
      |                                                                           ^^^^^^^^^^^^^^
""",
    ),
    "unknown step in a patch": (
        CONFIG + "steps:\n  frist: {with: {text: x}}\n",
        FLOW,
        """\
toy.yaml:5:3: the workflow has no step 'frist', and a new one needs 'uses'
    5 |   frist: {with: {text: x}}
      |   ^^^^^
      = did you mean 'first'?
""",
    ),
    "unknown option, number expected, out of range, unknown step type": (
        CONFIG
        + "steps:\n  first: {with: {max-count: '3', txt: x}}\n  second: {with: {max-count: 0}}\n"
        + "  third: {uses: wirte}\n",
        FLOW,
        """\
toy.yaml:5:29: expected an integer, found '3'
    5 |   first: {with: {max-count: '3', txt: x}}
      |                             ^^^

toy.yaml:5:34: unknown key 'txt'
    5 |   first: {with: {max-count: '3', txt: x}}
      |                                  ^^^
      = did you mean 'text'?

toy.yaml:6:30: expected at least 1, found 0
    6 |   second: {with: {max-count: 0}}
      |                              ^

toy.yaml:7:17: no step type 'wirte'
    7 |   third: {uses: wirte}
      |                 ^^^^^
      = did you mean 'write'?
""",
    ),
    "the Python spelling of an option is no second spelling": (
        CONFIG + "steps: {first: {with: {max_count: 2}}}\n",
        FLOW,
        """\
toy.yaml:4:24: unknown key 'max_count'
    4 | steps: {first: {with: {max_count: 2}}}
      |                        ^^^^^^^^^
      = did you mean 'max-count'?
""",
    ),
    "references": (
        CONFIG
        + "steps:\n  second:\n    with: {after: '${first.txt}', text: '${inputs.txt}', mode: '${frist.text}'}\n"
        + "  third: {uses: write, with: {text: '${first.text}'}, needs: [secnd]}\n",
        FLOW,
        """\
toy.yaml:6:20: the step 'first' (write) has no output 'txt'
    6 |     with: {after: '${first.txt}', text: '${inputs.txt}', mode: '${frist.text}'}
      |                    ^^^^^^^^^^^^
      = did you mean 'text'?

toy.yaml:6:42: no input 'txt'
    6 |     with: {after: '${first.txt}', text: '${inputs.txt}', mode: '${frist.text}'}
      |                                          ^^^^^^^^^^^^^
      = did you mean 'text'?

toy.yaml:6:65: no step 'frist'
    6 |     with: {after: '${first.txt}', text: '${inputs.txt}', mode: '${frist.text}'}
      |                                                                 ^^^^^^^^^^^^^
      = did you mean 'first'?

toy.yaml:7:38: ${first.text} is a file, and 'text' does not take one
    7 |   third: {uses: write, with: {text: '${first.text}'}, needs: [secnd]}
      |                                      ^^^^^^^^^^^^^

toy.yaml:7:63: no step 'secnd'
    7 |   third: {uses: write, with: {text: '${first.text}'}, needs: [secnd]}
      |                                                               ^^^^^
      = did you mean 'second'?
""",
    ),
    "cycle": (
        CONFIG + "steps: {first: {needs: [third]}, third: {uses: write, needs: [second]}}\n",
        FLOW,
        """\
flow.yaml:8:3: these steps wait for each other: first → third → second → first
    8 |   first:
      |   ^^^^^
""",
    ),
    "code": (
        CONFIG.replace("hello", "hello, data: {source: code.py:laod}"),
        FLOW,
        """\
toy.yaml:3:36: code.py defines no 'laod'
    3 | with: {text: hello, data: {source: code.py:laod}}
      |                                    ^^^^^^^^^^^^
      = did you mean 'load'?
  used at flow.yaml:10:43
   10 |     with: {text: "${inputs.text}", data: "${inputs.data}", mode: "${inputs.mode}", after
      |                                           ^^^^^^^^^^^^^^
""",
    ),
    "unknown keys of a workflow and of a step, a wrong timeout, a wrong input type": (
        CONFIG,
        FLOW.replace("type: path,", "type: paht,")
        .replace("  second: {uses: write,", "  second: {uses: write, timeout: soon, gpu: 1,")
        .replace("inputs:", "matrix: {}\ninputs:"),
        """\
flow.yaml:2:1: unknown key 'matrix'
    2 | matrix: {}
      | ^^^^^^
      = one of: description, inputs, steps, trtflow

flow.yaml:7:16: expected one of path, paths, map, choice, number, integer, string, boolean, found 'paht'
    7 |   file: {type: paht, default: null}
      |                ^^^^
      = did you mean 'path'?

flow.yaml:12:34: expected seconds, or a number with s, m or h such as 30m, found 'soon'
   12 |   second: {uses: write, timeout: soon, gpu: 1, with: {after: "${first.text}"}}
      |                                  ^^^^

flow.yaml:12:40: unknown key 'gpu'
   12 |   second: {uses: write, timeout: soon, gpu: 1, with: {after: "${first.text}"}}
      |                                        ^^^
      = one of: needs, timeout, uses, with
""",
    ),
}


@pytest.mark.parametrize(("config", "flow", "message"), CASES.values(), ids=CASES.keys())
def test_what_is_said_of_a_broken_config(
    config: str, flow: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(config)
    Path("flow.yaml").write_text(flow)
    Path("code.py").write_text("def load(): pass\n")
    with pytest.raises(ConfigError) as caught:
        make_plan(Path("toy.yaml"), steps=TOYS)
    count = message.count("\n\n") + 1
    assert str(caught.value) == f"{message}\n{count} problem{'s' if count > 1 else ''} found"


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        make_plan(tmp_path / "none.yaml", steps=TOYS)


def test_a_value_that_three_steps_use_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uses = "{uses: write, with: {data: '${inputs.data}'}}"
    steps = f"steps: {{third: {uses}, fourth: {uses}}}\n"
    Path("toy.yaml").write_text(CONFIG.replace("hello", "hello, data: {source: none.npz}") + steps)
    Path("flow.yaml").write_text(FLOW)
    with pytest.raises(ConfigError, match="1 problem found"):
        make_plan(Path("toy.yaml"), steps=TOYS)


FLOW_OF_MANY = """\
trtflow: 1
steps:
  report: {uses: gather, with: {of: [last, first, gate]}, needs: [gate]}
  last: {uses: write, with: {after: "${first.text}"}, needs: [gate], timeout: 90s}
  gate: {uses: end, needs: [first]}
  first: {uses: write}
  apart: {uses: write}
"""


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Five steps, written last first."""
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\n")
    Path("flow.yaml").write_text(FLOW_OF_MANY)
    return make_plan(Path("toy.yaml"), steps=TOYS)


def test_steps_run_in_the_order_of_the_file_as_far_as_their_edges_allow(many: Plan) -> None:
    assert list(many.steps) == ["first", "gate", "last", "report", "apart"]


@pytest.mark.parametrize(
    ("name", "needs", "gates", "after"),
    [
        ("first", (), (), ()),
        ("gate", ("first",), ("first",), ()),
        ("last", ("gate", "first"), ("gate",), ()),
        ("report", ("gate",), ("gate",), ("last", "first")),
    ],
)
def test_a_step_needs_what_it_reads_and_names_and_comes_after_what_it_looks_back_at(
    many: Plan, name: str, needs: tuple[str, ...], gates: tuple[str, ...], after: tuple[str, ...]
) -> None:
    step = many.steps[name]
    assert (step.needs, step.gates, step.after, step.before) == (needs, gates, after, (*needs, *after))


@pytest.mark.parametrize(
    ("name", "ancestors", "descendants"),
    [
        ("first", {"first"}, {"first", "gate", "last", "report"}),
        ("gate", {"first", "gate"}, {"gate", "last", "report"}),
        ("report", {"first", "gate", "last", "report"}, {"report"}),
        ("apart", {"apart"}, {"apart"}),
    ],
)
def test_a_plan_knows_what_comes_before_and_after_a_step(
    many: Plan, name: str, ancestors: set[str], descendants: set[str]
) -> None:
    assert (many.ancestors(name), many.descendants(name)) == (ancestors, descendants)


def test_options_are_complete_and_json_ready(many: Plan) -> None:
    step = many.steps["last"]
    assert step.options == {
        "text": "hello",
        "after": "${first.text}",
        "max-count": 1,
        "data": {"source": None, "labels": None},
        "mode": "plain",
    }
    assert (step.timeout, many.steps["first"].timeout) == (90.0, None)

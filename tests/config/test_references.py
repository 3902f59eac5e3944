from pathlib import Path

import pytest

from trtflow.config.references import Substitution
from trtflow.located import Located, OutputReference
from trtflow.yaml12 import dump, parse

INPUTS = parse(
    "number: 3\nmap: {a: [1]}\nnothing: null\nfolder: data\ntext: word\n", "config.yaml", Path("/repo/configs")
).entries


def substitution() -> Substitution:
    return Substitution(INPUTS, ["first", "second-step"], {"HOME": "/home/me"}, frozenset(["folder"]))


def apply(text: str) -> tuple[Located, Substitution]:
    substituting = substitution()
    return substituting.apply(parse(dump({"key": text}), "flow.yaml", Path("/flows"))).find(("key",)), substituting


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${inputs.number}", 3),
        ("${inputs.map}", {"a": [1]}),
        ("${inputs.nothing}", None),
        ("n=${inputs.number}!", "n=3!"),
        ("${inputs.text}-${inputs.text}", "word-word"),
        ("${inputs.folder}/x.npz", "/repo/configs/data/x.npz"),
        ("${inputs.folder}", "data"),
        ("${env.HOME}/x", "/home/me/x"),
        ("$${inputs.number}", "${inputs.number}"),
        ("$$${inputs.number}", "$${inputs.number}"),
        ("costs $5", "costs $5"),
        ("${first.out}", "${first.out}"),
    ],
)
def test_a_reference_becomes_its_value(text: str, value: object) -> None:
    located, substituting = apply(text)
    assert (located.plain(), substituting.problems) == (value, [])


def test_an_output_of_a_step_stays_a_reference() -> None:
    assert apply("${second-step.out}")[0].value == OutputReference("second-step", "out")


def test_an_escaped_reference_is_text() -> None:
    assert apply("$${first.out}")[0].value == "${first.out}"


def test_a_value_by_reference_knows_both_places() -> None:
    located, _ = apply("${inputs.map}")
    inner = located.find(("a", 0))
    assert (inner.at.file, inner.at.line, inner.used.file, inner.used.column) == ("config.yaml", 2, "flow.yaml", 6)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("${inputs.nmber}", "no input 'nmber'", "did you mean 'number'?"),
        ("${frist.out}", "no step 'frist'", "did you mean 'first'?"),
        ("${env.NONE_SUCH}", "the environment variable NONE_SUCH is not set", "set it: export NONE_SUCH=…"),
        ("${inputs}", "${inputs} is not a reference", ""),
        ("${inputs.number", "${inputs.number is not a reference", ""),
        ("${1 + 1}", "${1 + 1} is not a reference", ""),
        ("${inputs.a.b}", "${inputs.a.b} is not a reference", ""),
        ("x${first.out}", "${first.out} is a file of another step", "let it stand alone as the value"),
        ("x${inputs.map}", "${inputs.map} is a collection", "let it stand alone as the value"),
    ],
)
def test_a_wrong_reference_is_a_problem(text: str, message: str, hint: str) -> None:
    problem = apply(text)[1].problems[0]
    assert (problem.message, hint in problem.help) == (message, True)


def test_a_config_may_refer_to_the_environment_only() -> None:
    substituting = Substitution(environment={"HOME": "/home/me"})
    plain = substituting.apply(parse("[x, '${env.HOME}', '${inputs.x}', '${first.out}']", "c.yaml", Path())).plain()
    assert plain == ["x", "/home/me", None, None]
    assert [problem.message for problem in substituting.problems] == [
        "${inputs.x} cannot stand here",
        "${first.out} cannot stand here",
    ]


def test_references_are_replaced_however_deep_they_stand() -> None:
    located = substitution().apply(parse("a: [{b: '${inputs.number}'}, '${inputs.map}']\n", "f.yaml", Path()))
    assert located.plain() == {"a": [{"b": 3}, {"a": [1]}]}


def test_a_problem_stands_at_its_reference_inside_the_text() -> None:
    substituting = substitution()
    substituting.apply(parse("key: 'from ${inputs.nmber} on'\n", "f.yaml", Path()))
    at = substituting.problems[0].at
    assert (at.line, at.column, at.length) == (1, 12, len("${inputs.nmber}"))

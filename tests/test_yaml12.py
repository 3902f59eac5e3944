import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import ConfigError
from trtflow.yaml12 import Flow, dump, load, parse, read_yaml, write_lines


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("<<", "<<"),
        ("=", "="),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'1e-3'", "1e-3"),
        ("fp16", "fp16"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert load(f"key: {text}") == {"key": value}


def test_not_a_number_is_read() -> None:
    assert math.isnan(load(".nan"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            "f.yaml:3:1: the key 'a' is here twice\n    3 | a: 3\n      | ^\n      = first on line 1",
        ),
        ("1: x\n", "f.yaml:1:1: a key must be a string\n    1 | 1: x\n      | ^\n      = put it in quotes"),
        (
            "a: !!python/name:os.system x\n",
            "f.yaml:1:4: the tag tag:yaml.org,2002:python/name:os.system is not used here\n"
            "    1 | a: !!python/name:os.system x\n      |    ^^^^^^^^^^^^^^^^^^^^^^^^^\n"
            "      = write the plain value",
        ),
        ("a: &x [*x]\n", "f.yaml:1:4: this alias contains itself\n    1 | a: &x [*x]\n      |    ^^^^^^^"),
        (
            "a: !!int x\n",
            "f.yaml:1:4: 'x' is not a valid int\n    1 | a: !!int x\n      |    ^^^^^^^",
        ),
        (
            "a:\n\t- x\n",
            "f.yaml:2:1: not valid YAML: found character that cannot start any token\n    2 | \t- x\n      | ^\n"
            "      = indent with spaces; YAML forbids tabs",
        ),
        (
            "a: b: c\n",
            "f.yaml:1:5: not valid YAML: mapping values are not allowed in this context\n"
            "    1 | a: b: c\n      |     ^\n      = put values that hold ': ', '#', '{' or '[' in quotes",
        ),
        (
            "<<<<<<< HEAD\na: 1\n",
            "f.yaml:2:2: not valid YAML: mapping values are not allowed in this context\n    2 | a: 1\n      |  ^\n"
            "      = line 1 is the mark of a merge conflict; resolve it first",
        ),
    ],
)
def test_each_mistake_is_shown_at_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f.yaml", Path())
    assert str(caught.value) == f"{message}\n\n1 problem found"


def test_all_problems_of_a_document_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match="3 problems found"):
        load("a: 1\na: 2\n3: x\nb: !foo y\n")


@pytest.mark.parametrize("text", ["", "# nothing\n", "--- \n"])
def test_a_document_of_nothing_is_null_in_its_file(text: str) -> None:
    located = parse(text, "f.yaml", Path())
    assert (located.plain(), located.at.file) == (None, "f.yaml")


def test_a_file_is_read_with_its_name_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.yaml").write_text("a: größe\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    located = read_yaml(Path("sub/f.yaml")).find(("a",))
    assert (located.value, located.at.file) == ("größe", "sub/f.yaml")
    assert located.at.folder == (tmp_path / "sub").resolve()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "f.yaml: cannot be read: No such file or directory. Give the path of a YAML file."),
        (b"a: \xff", "f.yaml: cannot be read: it is not UTF-8 text. Give the path of a YAML file."),
        (b"a: 1\na: 2\n", "f.yaml:2:1: the key 'a' is here twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_yaml(tmp_path / "f.yaml")


def test_a_map_in_flow_stands_on_one_line_however_long_it_is(tmp_path: Path) -> None:
    entry = {f"key{index}": [index, "no", "a: b"] for index in range(50)}
    write_lines({"first": Flow(entry), "second": {"a": Flow({})}}, tmp_path / "f.yaml")
    text = (tmp_path / "f.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3
    assert load(text) == {"first": entry, "second": {"a": {}}}


def test_equal_values_are_written_out_where_they_count() -> None:
    shared = {"a": 1}
    assert "&" not in dump({"first": shared, "second": shared})


def test_an_alias_stands_for_its_anchor() -> None:
    assert load("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_positions_count_from_one_and_cover_the_value() -> None:
    at = parse("a:\n  b: [1, 'two']\n", "f.yaml", Path()).find(("a", "b", 1)).at
    assert (at.line, at.column, at.length) == (2, 10, 5)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents = st.recursive(
    scalars, lambda child: st.lists(child, max_size=4) | st.dictionaries(st.text(), child, max_size=4), max_leaves=12
)


@given(documents)
def test_what_is_dumped_is_read_back(document: object) -> None:
    assert load(dump(document)) == document


@pytest.mark.parametrize("text", ["1e-3", "no", "012", "0o7", "~", "", "true", ".inf", "a: b", "#", "=", "<<"])
def test_a_string_stays_a_string(text: str) -> None:
    assert load(dump({text: text})) == {text: text}

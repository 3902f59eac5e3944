"""Errors in the user's code point into the user's file."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from trtflow.errors import DataError, MetricError
from trtflow.user_code import blamed, called, load_function, place, shown


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    (folder / name).write_text(text)
    return folder / name


def run(file: Path, *arguments: object) -> object:
    function = load_function(f"{file}:go")
    return called(function, *arguments, kind=MetricError, who="go", expected="(x)")


INNER = "def inner(x):\n    return x['boxes']\ndef go(x):\n    return inner(x)\n"
RAISING = {
    "an error with the way to it": (
        INNER,
        "go raised KeyError: 'boxes'",
        ["mine.py:4 in go: return inner(x)", "mine.py:2 in inner"],
    ),
    "an exit": (
        "import sys\ndef go(x):\n    sys.exit('bye')\n",
        "go raised SystemExit: bye",
        ["mine.py:3 in go: sys.exit('bye')"],
    ),
    "a library beneath": (
        "import json\ndef go(x):\n    json.loads('?')\n",
        "go raised JSONDecodeError",
        ["mine.py:3 in go: json.loads('?')"],
    ),
}


@pytest.mark.parametrize(("text", "what", "frames"), RAISING.values(), ids=RAISING)
def test_what_is_raised_is_told_with_the_users_lines_and_no_others(
    tmp_path: Path, text: str, what: str, frames: list[str]
) -> None:
    with pytest.raises(MetricError) as caught:
        run(written(tmp_path, text), {})
    first, *lines, last = str(caught.value).split("\n")
    assert first.startswith(what)
    assert [line.strip().startswith(frame) for line, frame in zip(lines, frames, strict=True)] == [True] * len(frames)
    assert last == f"It ran in {tmp_path}, where relative paths begin."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nboom = x / 0\n", r"mine\.py, when it was imported, raised ZeroDivisionError(.|\n)*mine\.py:2"),
        ("def go(:\n", r"mine\.py, when it was imported, raised SyntaxError(.|\n)*mine\.py:1"),
        ("raise SystemExit(3)\n", r"when it was imported, raised SystemExit: 3(.|\n)*mine\.py:1"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    before = set(sys.modules)
    with pytest.raises(DataError, match=message):
        load_function(f"{written(tmp_path, text)}:go")
    assert not [name for name in set(sys.modules) - before if name.startswith("trtflow_user_")]


@pytest.mark.parametrize("taken", ["", "a, b", "*, key"])
def test_another_signature_is_told_with_the_place_and_what_was_expected(tmp_path: Path, taken: str) -> None:
    file = written(tmp_path, f"\n\ndef go({taken}):\n    return 1\n")
    with pytest.raises(MetricError, match=r"go \(mine\.py:3\) cannot be called: .*; expected \(x\)"):
        run(file, {})


def test_a_type_error_inside_is_none_of_the_signature(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"raised TypeError(.|\n)*mine\.py:2 in go"):
        run(written(tmp_path, "def go(x):\n    return 1 + 'a'\n"), {})


def test_functions_without_a_signature_are_called() -> None:
    assert called(dict, {"a": 1}, kind=MetricError, who="dict", expected="anything") == {"a": 1}


def test_what_lies_beside_the_file_can_be_imported_late(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    written(folder, "WORD = 'found'\n", "beside_it.py")
    assert run(written(folder, "def go(x):\n    import beside_it\n    return beside_it.WORD\n"), 1) == "found"


def pressed(handler: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: handler)
    with blamed(MetricError, "go", "."):
        raise KeyboardInterrupt


def test_a_pressed_key_interrupts_and_in_a_step_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        pressed(signal.default_int_handler, monkeypatch)
    with pytest.raises(MetricError, match="go raised KeyboardInterrupt"):
        pressed(signal.SIG_IGN, monkeypatch)


def test_errors_of_ours_pass_as_they_are() -> None:
    with pytest.raises(DataError, match=re.compile("^plain$")), blamed(MetricError, "go", "."):
        raise DataError("plain")


def test_a_place_is_called_from_the_current_folder(tmp_path: Path) -> None:
    function = load_function(f"{written(tmp_path, 'def go(): ...')}:go")
    assert place(function) == "mine.py:1"
    assert shown(Path("/elsewhere/mine.py")) == "/elsewhere/mine.py"


def test_a_missing_function_lists_what_the_file_has(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def samples(): ...\ndef metric(): ...\n")
    with pytest.raises(DataError, match="has no function 'sampels'; it has: samples, metric"):
        load_function(f"{file}:sampels")


def test_a_file_may_define_dataclasses_and_keep_what_it_made(tmp_path: Path) -> None:
    source = tmp_path / "made.py"
    source.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass One:\n    x: int\nmade = []\n"
        "def samples():\n    made.append(One(1))\n    return len(made)\n"
    )
    first = load_function(f"{source}:samples")
    assert [first(), load_function(f"{source}:samples")()] == [1, 2]
    source.write_text("def samples():\n    return 'another'\n")
    assert load_function(f"{source}:samples")() == "another"

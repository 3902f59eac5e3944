from __future__ import annotations

import io

import pytest
from report_fakes import comparison, summary
from rich.console import Console

from trtflow.report.terminal import console, elide, layer_table, show


def _text(*, encoding: str = "utf-8", accepted: bool = True) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    show(summary(60, accepted=accepted), console(stream))
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_without_a_terminal_the_output_is_plain_text_of_100_columns(encoding: str) -> None:
    text = _text(encoding=encoding)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_every_layer_takes_one_line() -> None:
    text = _text()
    assert sum(line.strip().startswith(("/", "> /")) for line in text.split("Kept in")[0].splitlines()) == 10


def test_the_verdict_comes_last_with_its_warnings() -> None:
    run = summary(60, accepted=False)
    panel = " ".join(_text(accepted=False).split("unet")[-1].replace("│", " ").split())
    assert run.verdict.sentence in panel
    assert run.data.warning in panel


def test_markup_in_names_is_shown_not_obeyed() -> None:
    base = comparison("fp16", 3, set(), healthy=False)
    named = [layer.model_copy(update={"node": "[red]x[/red]"}) for layer in base.layers]
    out = io.StringIO()
    Console(file=out, width=100).print(layer_table(base.model_copy(update={"layers": tuple(named)})))
    assert out.getvalue().count("[red]x[/red]") == 3


def test_the_table_is_cut_at_its_limit() -> None:
    assert layer_table(comparison("fp16", 60, set(), healthy=False), limit=7).row_count == 7


@pytest.mark.parametrize(
    ("name", "width", "short"), [("/a/Conv", 10, "/a/Conv"), ("/down0/block0/conv/Conv", 14, "/dow..onv/Conv")]
)
def test_long_names_lose_their_middle(name: str, width: int, short: str) -> None:
    assert elide(name, width) == short
    assert len(short) <= width

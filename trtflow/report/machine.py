"""What ``trtflow doctor`` shows in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trtflow.files.machine import MachineFacts, TensorRtFacts

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

STYLES = {"run": "bold green", "build": "yellow", "nothing": "bold red"}
SAID = {"run": "runs", "build": "builds only", "nothing": "nothing"}


def show_machine(console: Console, found: MachineFacts) -> None:
    """What is installed, the GPUs, what each runner can do, and the commands that install the rest."""
    from rich.padding import Padding
    from rich.text import Text

    def say(line: str, style: str = "", soft: bool = False) -> None:
        console.print(line, style=style, soft_wrap=soft, markup=False, highlight=False)

    for line in _machine(found):
        say(line)
    say("")
    console.print(_versions(found))
    say("")
    console.print(_runners(found))
    missing = {name: one for name, one in found.runners.items() if one.can != "run" and (one.install or one.note)}
    for name, one in missing.items():
        say(f"\nFor {name}:", "bold")
        if one.install:
            say(f"  {one.install}", soft=True)
        if one.note:
            console.print(Padding(Text(one.note), (0, 0, 0, 2)))
    if found.tensorrt:
        say("")
        console.print(_offered(found))


def _machine(found: MachineFacts) -> Iterator[str]:
    yield f"Python {found.python} on {found.system}"
    if found.jetson:
        yield f"Jetson Linux {found.jetson}"
    for index, gpu in enumerate(found.gpus):
        yield f"GPU {index}: {gpu.name}, compute capability {gpu.capability}, {gpu.memory / 2**30:.1f} GiB"
    if found.gpus:
        yield f"Driver {found.driver}, for CUDA up to {found.cuda}"
    else:
        yield f"No GPU: {found.no_gpu}"


def _versions(found: MachineFacts) -> Table:
    table = _table("package", "version", "package", "version")
    cells = [(name, version or "–") for name, version in found.versions.items()]
    half = (len(cells) + 1) // 2
    for left, right in zip(cells[:half], [*cells[half:], ("", "")], strict=False):
        table.add_row(*left, *right)
    return table


def _runners(found: MachineFacts) -> Table:
    from rich.text import Text

    table = _table("runner", "here", "")
    for name, one in found.runners.items():
        table.add_row(name, Text(SAID[one.can], STYLES[one.can]), one.note if one.can == "run" else one.why)
    return table


def _offered(found: MachineFacts) -> Table:
    table = _table("what it offers", *(f"{name} {one.version}" for name, one in found.tensorrt.items()))
    for field in TensorRtFacts.model_fields:
        if field != "version":
            values = (getattr(one, field) for one in found.tensorrt.values())
            table.add_row(field.replace("_", " "), *("yes" if value else "no" for value in values))
    return table


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table

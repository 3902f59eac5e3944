"""Write a text, once more each time it runs."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result, Source, Table

version = 1
environment = ("pyyaml",)
outputs = {"text": "text.txt", "extra": "extra.bin"}
optional = ("extra",)
published = {"text": "{config}.{config}.txt"}


class Nested(Options):
    """A nested map."""

    source: Source | None = None
    labels: str | None = None


class With(Options):
    """Options of ``write``."""

    text: str = Field("hello", description="what to write")
    after: File | None = Field(None, description="a file to append")
    max_count: int = Field(1, ge=1, description="how often")
    data: Nested = Nested()
    mode: str = "plain"


def run(options: With, context: Context) -> Result:
    """Write the text ``max_count`` times, after the content of ``after``."""
    before = options.after.read_text() if options.after else ""
    (context.folder / "text.txt").write_text(before + options.text * options.max_count)
    context.progress(1, 1, "written")
    context.log("a line of log")
    rows = ((options.text, len(options.text)),)
    return Result({"length": len(options.text)}, None, f"wrote {options.text}", Table(("text", "length"), rows))

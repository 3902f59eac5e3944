"""Options that several steps share."""

from __future__ import annotations

from pydantic import Field

from trtflow.engine.step import Options, Source

Conditions = dict[str, dict[str, float]]
DEFAULT_ACCEPT: Conditions = {"sqnr": {"min": 30.0}}


class Data(Options):
    """Where samples come from."""

    source: Source = Field(description=".npz file, folder of .npz or .npy files, or file.py:function")
    labels: str | None = Field(None, description="name of the array of labels in the npz")
    limit: int | None = Field(None, ge=1, description="use the first samples only")

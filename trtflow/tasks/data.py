"""Open samples for a model."""

from __future__ import annotations

from pathlib import Path

from onnx import ModelProto

from trtflow.data import Dataset, load_dataset
from trtflow.model.ports import model_inputs


def open_data(
    source: str | Path,
    model: ModelProto,
    labels: str | None = None,
    limit: int | None = None,
    *,
    allow_nonfinite: bool = False,
) -> Dataset:
    """The samples of ``source`` as ``model`` takes them, read lazily, as often as needed.

    ``source``: an .npz file of arrays by input name, a folder of .npz or .npy files, or ``file.py:function``.
    ``labels`` names the array of labels in an .npz. ``limit`` keeps the first samples only.
    ``allow_nonfinite``: samples may hold NaN and infinity.

    Raises:
        DataError: the source does not exist, is of an unknown kind, or does not fit the model's inputs; or, as they
            are read, a sample is not finite, has no element, or holds a value that its type cannot hold.

    Example:
        >>> data = trtflow.open_data("eval.npz", model, labels="masks")
    """
    return load_dataset(source, model_inputs(model), labels, limit, allow_nonfinite=allow_nonfinite)

"""The values of samples: on what no network can be judged is refused, and said where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trtflow.errors import DataError

Array = npt.NDArray[Any]
_REGISTERED = 2  # ``isbuiltin`` of types that a package brings; float8_e5m2 calls its kind "f" all the same


def convert(array: Array, dtype: np.dtype[Any], where: str) -> Array:
    """``array`` as ``dtype``, no value of it turned into infinity or into another integer.

    Files hold arrays of types that numpy lacks as bytes without a name, which are taken for ``dtype``.

    Raises:
        DataError: the type does not fit, or a value.
    """
    if array.dtype == dtype:
        return np.asarray(array, order="C")
    if array.dtype == np.dtype(f"V{dtype.itemsize}") and is_foreign(dtype):
        return array.view(dtype)
    widens = array.dtype.kind in "biuf" and (dtype.kind == "f" or is_foreign(dtype))
    if not widens and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise DataError(f"{where} holds {array.dtype}; the model takes {dtype}.")
    with np.errstate(over="ignore"):
        made = array.astype(dtype)
    if dtype.kind == "O":
        return made
    lost = made != array if dtype.kind in "iu" else np.isfinite(array) & ~np.isfinite(made)
    if lost.any():
        raise DataError(
            f"{where} holds {array[lost][0]:.6g}, which {dtype} cannot hold ({np.count_nonzero(lost)} of "
            f"{array.size} values); the model takes {dtype}."
        )
    return made


def is_foreign(dtype: np.dtype[Any]) -> bool:
    """Whether numpy itself lacks ``dtype``: bfloat16, say, which it has from ml_dtypes."""
    return dtype.kind == "V" or dtype.isbuiltin == _REGISTERED


def held(array: Array) -> Array:
    """``array`` as samples hold it: of types that numpy lacks the same values in float32."""
    return array.astype(np.float32) if is_foreign(array.dtype) else array


def check_finite(array: Array, where: str) -> None:
    """Nothing for finite values.

    Raises:
        DataError: some are NaN or infinite.
    """
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    found = non_finite(int(np.isnan(array).sum()), int(np.isinf(array).sum()), array.size)
    raise DataError(
        f"{where} holds {found}: nothing can be judged by it. Mend or leave out the sample; where such values are "
        "meant, a mask of -inf, say: data: {allow-nonfinite: [inputs]}."
    )


def check_elements(feed: Mapping[str, Array], where: str) -> None:
    """Nothing where some input has elements: a cache that is still empty may stand beside it.

    Raises:
        DataError: there is nothing to feed.
    """
    if feed and not any(array.size for array in feed.values()):
        shapes = ", ".join(f"'{name}' has shape {array.shape}" for name, array in feed.items())
        raise DataError(f"{where}: the sample has no element: {shapes}.")


def non_finite(nan: int, inf: int, total: int) -> str:
    """``3 NaN and 1 infinite values of 16``."""
    parts = [f"{count:,} {what}" for count, what in ((nan, "NaN"), (inf, "infinite")) if count]
    return f"{' and '.join(parts)} of {total:,} values"

"""PyTorch convolves, pools and resizes as ONNX says, with any padding."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from torch_cases import check_equal, numbers

PADS = [{}, {"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 2, 1]}, {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}]
IMAGE = numbers(1, 4, 7, 6)


@pytest.mark.parametrize("pads", PADS)
@pytest.mark.parametrize("more", [{}, {"strides": [2, 2]}, {"group": 2}], ids=["plain", "strides", "groups"])
def test_a_convolution(pads: dict[str, object], more: dict[str, object]) -> None:
    weight = numbers(6, 2 if more.get("group") else 4, 3, 3, seed=1)
    check_equal("Conv", [IMAGE, weight, numbers(6, seed=2)], {**pads, **more})


@pytest.mark.parametrize(("shape", "kernel"), [((1, 2, 9), (3, 2, 3)), ((1, 2, 5, 5, 5), (3, 2, 2, 2, 2))])
def test_a_convolution_of_other_ranks(shape: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    check_equal("Conv", [numbers(*shape), numbers(*kernel, seed=1)], {"dilations": [2] * (len(shape) - 2)})


@pytest.mark.parametrize("pads", PADS[:3])
@pytest.mark.parametrize("more", [{}, {"output_padding": [1, 1]}, {"group": 2}], ids=["plain", "output", "groups"])
def test_a_transposed_convolution(pads: dict[str, object], more: dict[str, object]) -> None:
    check_equal("ConvTranspose", [IMAGE, numbers(4, 3, 3, 3, seed=1)], {"strides": [2, 2], **pads, **more})


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("pads", PADS)
def test_a_pooling(op: str, pads: dict[str, object]) -> None:
    check_equal(op, [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], **pads})


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_a_pooling_whose_last_window_lies_over_the_edge(op: str) -> None:
    check_equal(op, [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1})


@pytest.mark.parametrize("pads", [[1, 1, 1, 1], [0, 1, 1, 1]])
def test_an_average_that_counts_the_padding(pads: list[int]) -> None:
    check_equal("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": pads, "count_include_pad": 1})


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_a_pooling_of_all_there_is(op: str) -> None:
    check_equal(op, [IMAGE], {})


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("place", ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
@pytest.mark.parametrize("scale", [2.0, 0.5, 1.7])
def test_an_image_is_resized_by_a_factor(mode: str, place: str, scale: float) -> None:
    scales = np.array([1, 1, scale, scale], np.float32)
    check_equal("Resize", [IMAGE, None, scales], {"mode": mode, "coordinate_transformation_mode": place})


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_an_image_is_resized_to_a_size(rounding: str) -> None:
    sizes = np.array([1, 4, 5, 9], np.int64)
    attributes = {"nearest_mode": rounding, "coordinate_transformation_mode": "asymmetric"}
    check_equal("Resize", [IMAGE, None, None, sizes], attributes)


def test_some_axes_are_resized() -> None:
    check_equal("Resize", [IMAGE, None, np.array([2, 2], np.float32)], {"axes": [2, 3]})

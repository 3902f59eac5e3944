from __future__ import annotations

import pytest
from doubling import Install
from trt_double.listing import VERSIONS, read


@pytest.mark.parametrize("version", VERSIONS)
def test_the_module_has_the_classes_members_and_values_of_its_version(double: Install, version: str) -> None:
    trt, listing = double(version).trt, read(version)
    assert trt.__version__ == version
    for name, listed in listing.classes.items():
        kind = getattr(trt, name)
        assert {key: int(value) for key, value in getattr(kind, "__members__", {}).items()} == dict(listed.values)
        public = {key for key in dir(kind) if not key.startswith("_")} - {"name", "value"}
        if not listed.values and name != "IHostMemory":
            assert public == {key for key in listed.members if not key.startswith("_")} - {"name", "value"}


def test_a_member_that_the_version_lacks_is_an_error_and_noted(double: Install) -> None:
    installed = double("11.4.0")
    trt = installed.trt
    builder = trt.Builder(trt.Logger())
    with pytest.raises(AttributeError, match="BuilderFlag has no attribute 'FP16'"):
        _ = trt.BuilderFlag.FP16
    with pytest.raises(AttributeError, match="ILayer has no attribute 'set_output_type'"):
        _ = trt.ILayer.set_output_type
    with pytest.raises(AttributeError, match="'IInt8EntropyCalibrator2'"):
        _ = trt.IInt8EntropyCalibrator2
    with pytest.raises(AttributeError, match="'int8_calibrator'"):
        builder.create_builder_config().int8_calibrator = None
    assert installed.touched == [
        "BuilderFlag.FP16",
        "ILayer.set_output_type",
        "tensorrt.IInt8EntropyCalibrator2",
        "IBuilderConfig.int8_calibrator",
    ]
    installed.forgive()


def test_asking_what_a_version_has_is_no_touch(double: Install) -> None:
    installed = double("11.4.0")
    assert not hasattr(installed.trt.BuilderFlag, "FP16")
    assert getattr(installed.trt, "IInt8EntropyCalibrator2", None) is None
    assert installed.touched == []


def test_wrong_arguments_are_a_type_error(double: Install) -> None:
    trt = double().trt
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    with pytest.raises(TypeError, match="create_network"):
        builder.create_network("strong")
    with pytest.raises(TypeError, match="set_flag"):
        builder.create_builder_config().set_flag(0)
    with pytest.raises(TypeError, match=r"Builder\.__init__"):
        trt.Builder()
    with pytest.raises(TypeError, match="No constructor"):
        trt.ILayer()


def test_a_property_that_cannot_be_set_is_an_attribute_error(double: Install) -> None:
    trt = double().trt
    with pytest.raises(AttributeError):
        trt.Builder(trt.Logger()).create_network().num_layers = 3


def test_what_is_listed_but_does_nothing_says_its_name(double: Install) -> None:
    trt = double().trt
    with pytest.raises(NotImplementedError, match=r"Builder\.reset"):
        trt.Builder(trt.Logger()).reset()


def test_a_users_class_must_call_the_constructor(double: Install) -> None:
    trt = double().trt

    class Forgetful(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

    class Careful(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.anything = 1

    with pytest.raises(TypeError, match=r"__init__\(\) must be called"):
        Forgetful()
    assert Careful().anything == 1

"""A library belongs to whoever has its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
from graph_models import conv_net

from trtflow.errors import ModelError
from trtflow.model.libraries import operator_libraries, plugin_libraries, use_libraries
from trtflow.model.session import create_session


@pytest.fixture(autouse=True)
def none_afterwards() -> Iterator[None]:
    yield
    use_libraries(())


def test_each_library_goes_to_one_runtime(tmp_path: Path) -> None:
    mine, plugin = tmp_path / "mine.so", tmp_path / "plugin.so"
    mine.write_bytes(b"\0_RegisterCustomOps\0")
    plugin.write_bytes(b"\0getPluginCreators\0")
    use_libraries((plugin, mine))
    assert (operator_libraries(), plugin_libraries()) == ((mine,), (plugin,))
    use_libraries((plugin,))
    assert (operator_libraries(), plugin_libraries()) == ((), (plugin,))


def test_sessions_register_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        def register_custom_ops_library(self, path: str) -> None:
            seen.append(path)

    seen: list[str] = []
    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    library = tmp_path / "mine.so"
    library.write_bytes(b"RegisterCustomOps")
    use_libraries((library,))
    create_session(conv_net())
    assert seen == [str(library)]


def test_what_is_no_library_is_an_error_that_names_it(tmp_path: Path) -> None:
    library = tmp_path / "text.so"
    library.write_text("RegisterCustomOps")
    use_libraries((library,))
    with pytest.raises(ModelError, match=r"text\.so"):
        create_session(conv_net())

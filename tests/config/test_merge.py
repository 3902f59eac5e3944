from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.config.merge import merge, override
from trtflow.errors import ConfigError
from trtflow.located import Located
from trtflow.yaml12 import dump, parse


def located(document: object, name: str = "f.yaml") -> Located:
    return parse(dump(document), name, Path())


trees = st.recursive(
    st.integers(), lambda child: st.dictionaries(st.sampled_from("abc"), child, max_size=3), max_leaves=8
)


@given(trees)
def test_merging_a_tree_with_itself_changes_nothing(tree: object) -> None:
    assert merge(located(tree), located(tree)).plain() == tree


@given(st.dictionaries(st.sampled_from("abc"), trees, max_size=3))
def test_an_empty_patch_changes_nothing(tree: object) -> None:
    assert merge(located(tree), located({})).plain() == tree


@pytest.mark.parametrize(
    ("base", "patch", "merged"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
    ],
)
def test_maps_merge_and_everything_else_is_replaced(base: object, patch: object, merged: object) -> None:
    assert merge(located(base), located(patch)).plain() == merged


maps = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(maps, maps)
def test_a_patch_laid_over_twice_is_as_good_as_once(base: object, patch: object) -> None:
    once = merge(located(base), located(patch))
    assert merge(once, located(patch)).plain() == once.plain()


@given(maps, maps)
def test_every_leaf_of_a_patch_is_in_what_it_was_merged_into(base: object, patch: object) -> None:
    merged = merge(located(base), located(patch))
    assert all(merged.find(path).plain() == leaf.plain() for path, leaf in located(patch).leaves())


def test_a_merged_value_keeps_its_position() -> None:
    merged = merge(located({"a": {"b": 1, "c": 2}}, "base"), located({"a": {"c": 3}}, "patch"))
    assert (merged.find(("a", "b")).at.file, merged.find(("a", "c")).at.file) == ("base", "patch")


@pytest.mark.parametrize(
    ("argument", "document"),
    [
        ("with.accept.iou.drop=0.01", {"with": {"accept": {"iou": {"drop": 0.01}}}}),
        ("with.drop=1e-3", {"with": {"drop": 1e-3}}),
        ("with.on=no", {"with": {"on": "no"}}),
        ("with.of=[a, b]", {"with": {"of": ["a", "b"]}}),
        ("with.data={source: x=y}", {"with": {"data": {"source": "x=y"}}}),
        ("with.text=", {"with": {"text": None}}),
    ],
)
def test_an_override_is_a_path_and_a_yaml_value(argument: str, document: object) -> None:
    assert override(located({}), [argument], Path()).plain() == document


def test_later_overrides_win_and_know_their_argument() -> None:
    value = override(located({"a": 1}), ["a=2", "a=3"], Path("here")).find(("a",))
    assert (value.value, value.at.file, value.at.column, value.at.folder) == (3, "argument 2", 3, Path("here"))


@pytest.mark.parametrize("argument", ["with", "=1", "a..b=1", ".a=1"])
def test_what_is_no_override_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match=r"is not an override\n(.*\n)*.*write it as with\.accept"):
        override(located({}), [argument], Path())

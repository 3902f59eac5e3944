"""PPQ's JSON of ranges."""

from __future__ import annotations

import json

import pytest
from decisions import decision, int8_decision

from trtflow.files.exports import ppq


def test_each_range_stands_under_the_key_that_ppq_reads() -> None:
    assert ppq.write(decision(scales={"x": 1.0})) == '{\n "act_quant_info": {\n  "x": 1.0\n }\n}\n'


@pytest.mark.parametrize("name", ['a"b', "größe", "a\\b"])
def test_any_name_can_be_said(name: str) -> None:
    assert json.loads(ppq.write(decision(scales={name: 2.5}))) == {"act_quant_info": {name: 2.5}}


def test_a_dead_tensor_is_left_out() -> None:
    assert "a_out" not in json.loads(ppq.write(int8_decision()))["act_quant_info"]

import json

import pytest

from cnnlab.common.raised import file_of, raised_at, said


def test_an_error_without_a_message_is_told_by_its_type():
    assert said(KeyError("label")) == "'label'" and said(ValueError()) == "ValueError"
    assert said(RuntimeError("\n one\ntwo")) == "one"


def test_an_error_is_placed_where_it_left_ones_own_code():
    with pytest.raises(ValueError) as caught:
        raise ValueError("x")
    assert raised_at(caught.value).startswith(f"({__file__}, line ")
    assert raised_at(caught.value, __file__) == "" == raised_at(ValueError("never raised"))


def test_the_file_that_raised_an_error_is_known():
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    assert file_of(caught.value).endswith("/json/decoder.py") and file_of(ValueError()) == ""

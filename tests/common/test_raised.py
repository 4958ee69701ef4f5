import pytest

from cnnlab.common.raised import raised_at, said


def test_an_error_without_a_message_is_told_by_its_type():
    assert said(KeyError("label")) == "'label'" and said(ValueError()) == "ValueError"
    assert said(RuntimeError("\n one\ntwo")) == "one"


def test_an_error_is_placed_where_it_left_ones_own_code():
    with pytest.raises(ValueError) as caught:
        raise ValueError("x")
    assert raised_at(caught.value).startswith(f"({__file__}, line ")
    assert raised_at(caught.value, __file__) == "" == raised_at(ValueError("never raised"))

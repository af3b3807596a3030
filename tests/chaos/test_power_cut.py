"""A power cut under broker and custody: nothing that was acknowledged is gone, nothing that was shown is taken back."""

import pytest

from tests.chaos.power_cut import cut, refused


def test_after_a_power_cut_every_request_has_one_leaf_and_no_checkpoint_is_contradicted() -> None:
    if why := refused():
        pytest.skip(why)
    good, lines = cut(1, 5, sync=True)
    assert good, lines


def test_where_acknowledged_leaves_are_gone_the_log_refuses_to_start_by_name() -> None:
    """The control, too: this cut takes what a broker has not synced."""
    if why := refused():
        pytest.skip(why)
    good, lines = cut(1, 6, sync=False)
    assert not good
    assert "rolled_back" in lines[-1], lines

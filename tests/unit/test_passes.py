"""What `make test` says of its two passes."""

import pytest

from tests.__main__ import status


@pytest.mark.parametrize(
    ("passes", "whole"),
    [
        ([0, 0], 0),
        ([1, 0], 1),
        ([0, 1], 1),
        ([1, 5], 1),
        ([5, 1], 1),
        ([0, 5], 0),
        ([5, 0], 0),
        ([5, 5], 5),
        ([2], 2),
        ([3, 1], 3),
    ],
)
def test_no_pass_hides_the_others_failure(passes, whole):
    """A failure in either pass fails the run; a pass without tests is no failure where the other had some."""
    assert status(passes) == whole

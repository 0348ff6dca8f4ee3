"""So many recipients an hour, and a table that stays small."""

import pytest

from services.submission import allowance
from services.submission.allowance import Allowance
from yubin.errors import Exhausted


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_an_account_spends_and_earns():
    """60 an hour: 60 at once, then one a minute."""
    clock = Clock()
    bucket = Allowance(clock=clock)
    bucket.check("a", 60, 60)
    bucket.spend("a", 60, 60)
    with pytest.raises(Exhausted) as refused:
        bucket.check("a", 60, 1)
    assert str(refused.value).startswith("452 4.7.1")
    clock.now = 60
    bucket.check("a", 60, 1)
    bucket.check("b", 60, 60)
    clock.now = 10**6
    assert bucket.left("a", 60) == 60


def test_an_account_without_a_limit_has_the_pods():
    """0 means the pod's own default, and that may be none."""
    assert Allowance(default=5).left("a", 0) == 5
    assert Allowance().left("a", 0) == float("inf")


def test_the_table_is_bounded(monkeypatch):
    """DESIGN I7: whoever sent longest ago is forgotten."""
    monkeypatch.setattr(allowance, "ACCOUNTS", 3)
    bucket = Allowance(default=10, clock=lambda: 0.0)
    for account in "abcd":
        bucket.spend(account, 0, 10)
    assert [bucket.left(account, 0) for account in "abcd"] == [10, 0, 0, 0]

"""When a process that died is started again."""

from yubin.up.backoff import Backoff


def lives(backoff: Backoff, *seconds: float) -> list[float]:
    """The pauses after lives of so many seconds."""
    now, pauses = 0.0, []
    for life in seconds:
        backoff.started(now)
        now += life
        pauses.append(backoff.died(now))
        now += pauses[-1]
    return pauses


def test_crash_loop_is_slowed_to_half_a_minute():
    """1, 2, 4 … 30 seconds, and no longer."""
    assert lives(Backoff(), *[0.5] * 7) == [1, 2, 4, 8, 16, 30, 30]


def test_a_minute_up_is_forgiven():
    """A process that stood for a minute starts from one second again; 59 seconds are not enough."""
    assert lives(Backoff(), 1, 1, 1, 60, 1) == [1, 2, 4, 1, 2]
    assert lives(Backoff(), 1, 1, 1, 59, 1) == [1, 2, 4, 8, 16]

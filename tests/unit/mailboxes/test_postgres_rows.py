"""How rows are asked of PostgreSQL."""

from hypothesis import given
from hypothesis import strategies as st

from yubin.mailboxes.postgres_rows import runs


@given(st.sets(st.integers(1, 60)))
def test_runs_are_the_uids(uids):
    """Every one of them and no other, in order, and as few runs as there can be."""
    first, last = runs(sorted(uids))
    found = [uid for low, high in zip(first, last, strict=True) for uid in range(low, high + 1)]
    assert found == sorted(uids)
    assert len(first) == sum(uid - 1 not in uids for uid in uids)

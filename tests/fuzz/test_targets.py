"""A second of `make fuzz`: every target with its seeds and the same few hundred mutations."""

from itertools import islice
from random import Random

import pytest

from tests.fuzz.mutator import cases
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_hundred_cases(name):
    """CASES M6: whatever comes, nothing is raised and no promise is broken."""
    target = TARGETS[name]
    for case in islice(cases(target.seeds, Random(4)), 400):
        target.run(case)


def test_a_target_can_fail(monkeypatch):
    """A parser that takes two spellings for one name is found out."""
    monkeypatch.setattr("yubin.imap.names._unshifted", lambda octets: octets.decode("ascii").casefold())
    with pytest.raises(AssertionError):
        TARGETS["name"].run(b"Abc")

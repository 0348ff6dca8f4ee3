from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import town as towns
from tests.e2e.town import Town

QUICK = """
trace_ratio = 0.0
[pods.delivery]
retry = "2,3,5"
poll = 0.2
reports_every = 0.5
[pods.directory]
peer_burst = 100000
login_burst = 100000
"""


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> Iterator[Town]:
    """One town for all tests that leave it as they found it; retries come after seconds instead of minutes."""
    with towns.town(tmp_path_factory.mktemp("town") / "state", QUICK) as made:
        yield made

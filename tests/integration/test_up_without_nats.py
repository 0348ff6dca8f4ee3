"""The broker is only a hint (DESIGN I3): the whole system with nats-server hung, and with nats-server killed."""

import os
import signal
import time

import pytest

from tests.integration.test_up import submit
from tests.servers.up import System
from yubin.outside.letters import Letters

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with System(tmp_path_factory.mktemp("up"), "grace = 5\n") as made:
        yield made


def subjects(system: System) -> list[str]:
    return sorted(letter.subject for letter in Letters(system.state / "outside").all())


def arrive(system: System, wanted: list[str], seconds: float) -> None:
    system.until(lambda: set(wanted) <= set(subjects(system)), seconds)


def test_letters_are_taken_and_arrive_while_nats_hangs(system):
    """CASES A8: 250s go on at once without a broker; the ledger brings every letter, once, within a minute."""
    submit(system, "before")
    arrive(system, ["before"], 20)
    nats = system.pids()["nats"]
    os.kill(nats, signal.SIGSTOP)
    try:
        began = time.monotonic()
        sent = [f"hung {n}" for n in range(5)]
        for subject in sent:
            submit(system, subject)
        assert time.monotonic() - began < 10
        arrive(system, sent, 60)
    finally:
        os.kill(nats, signal.SIGCONT)
    submit(system, "after")
    arrive(system, ["after"], 20)
    assert subjects(system).count("hung 0") == 1


def test_jobs_that_reappear_after_kill_cause_no_second_letter(system):
    """CASES B5: nats-server is killed with its acknowledgements unsynced; what it hands out again is refused."""
    sent = [f"killed {n}" for n in range(20)]
    for subject in sent:
        submit(system, subject)
    arrive(system, sent, 40)
    nats = system.pids()["nats"]
    os.kill(nats, signal.SIGKILL)
    system.until(lambda: system.status()["processes"].get("nats", {}).get("restarts") == 1, 30)
    submit(system, "woken")
    arrive(system, ["woken"], 60)
    found = [subject for subject in subjects(system) if subject.startswith("killed")]
    assert found == sorted(sent)

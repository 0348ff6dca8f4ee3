"""The supervisor with small real processes: starts, starts again, gives up, stops in order."""

import asyncio
import sys

import pytest

from yubin.errors import Unavailable
from yubin.up import supervisor as module
from yubin.up.backoff import Backoff
from yubin.up.child import Program
from yubin.up.folder import start_time
from yubin.up.logfile import LogFile
from yubin.up.supervisor import Supervisor

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def said():
    return []


@pytest.fixture
async def supervisor(tmp_path, said, monkeypatch):
    monkeypatch.setattr(module, "Backoff", lambda: Backoff(first=0.05))
    made = Supervisor(
        log=lambda name: LogFile(tmp_path / f"{name}.log"),
        show=said.append,
        probe=ready,
        changed=lambda: None,
    )
    yield made
    made.kill()
    await made.stop([list(made.places)], 5)


async def ready(_program: Program) -> bool:
    return True


def program(name: str, code: str) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], health=1)


async def test_a_program_that_died_is_started_again(supervisor, said):
    """It has another pid, counts one restart, and people hear why."""
    await supervisor.start([program("pod", SLEEP)])
    place = supervisor.places["pod"]
    first = place.child
    first.send(module.signal.SIGKILL)
    while place.child in (first, None) or not place.ready.is_set():
        await asyncio.sleep(0.01)
    assert place.child.pid != first.pid
    assert place.restarts == 1
    assert any("SIGKILL" in line for line in said)


async def test_a_program_with_a_new_certificate_starts_afresh(supervisor):
    """Asked to end in peace, started again, and ready when it returns."""
    await supervisor.start([program("pod", SLEEP)])
    first = supervisor.places["pod"].child.pid
    await supervisor.afresh("pod", 5)
    assert supervisor.places["pod"].child.pid != first
    assert supervisor.places["pod"].ready.is_set()


async def test_wrong_settings_end_the_start(supervisor, monkeypatch):
    """Status 2 before it was ever ready: no loop, the start as a whole fails and names the program."""

    async def never(_program):
        return False

    supervisor._probe = never
    with pytest.raises(Unavailable, match="wrong does not take its settings"):
        await supervisor.start([program("right", SLEEP), program("wrong", "raise SystemExit(2)")])


async def test_program_that_is_not_there_ends_the_start(supervisor):
    """No wait for what cannot come."""
    with pytest.raises(Unavailable, match="absent cannot be started: No such file"):
        await supervisor.start([Program(name="absent", command=["/nowhere/absent"], health=1)])


async def test_slow_start_names_who_is_slow(supervisor, monkeypatch):
    """A start that does not come about ends with the names of those who are not ready."""

    async def only_quick(asked):
        return asked.name == "quick"

    supervisor._probe = only_quick
    monkeypatch.setattr(module, "START_PATIENCE", 0.5)
    with pytest.raises(Unavailable, match=r"not ready after .*: slow;"):
        await supervisor.start([program("quick", SLEEP), program("slow", SLEEP)])


async def test_stages_stop_one_after_the_other(supervisor, tmp_path):
    """The second stage is asked only when the first has ended."""
    code = (
        "import signal, sys, time\n"
        f"def end(*_): time.sleep(0.2); open({str(tmp_path / 'order')!r}, 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(tmp_path)!r} + '/up-' + sys.argv[1], 'w')\n"
        "time.sleep(60)"
    )
    made = [Program(name=n, command=[sys.executable, "-c", code, n], health=1) for n in "abc"]
    await supervisor.start(made)
    while not all((tmp_path / f"up-{n}").exists() for n in "abc"):
        await asyncio.sleep(0.01)
    await supervisor.stop([["c"], ["a"], ["b"]], 10)
    assert (tmp_path / "order").read_text() == "cab"


async def test_what_does_not_stop_is_killed_after_the_grace(supervisor):
    """SIGTERM ignored: SIGKILL when the grace is over, and nothing is left."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    await supervisor.start([program("deaf", code)])
    pid = supervisor.places["deaf"].child.pid
    await asyncio.sleep(0.3)
    await supervisor.stop([["deaf"]], 0.2)
    assert start_time(pid) is None


async def test_a_program_that_stays_unready_is_started_afresh(supervisor, monkeypatch):
    """It hung, or lost its database for good (CASES A10): after a while it is stopped, and starts again."""
    answers = {"ready": True}

    async def as_told(_program):
        return answers["ready"]

    supervisor._probe = as_told
    for name, seconds in (("SELDOM", 0.02), ("SOON", 0.02), ("UNREADY", 0.1)):
        monkeypatch.setattr(module, name, seconds)
    await supervisor.start([program("pod", SLEEP)])
    place = supervisor.places["pod"]
    first = place.child.pid
    answers["ready"] = False
    while place.restarts == 0:
        await asyncio.sleep(0.01)
    answers["ready"] = True
    await place.ready.wait()
    assert place.child.pid != first


async def test_long_line_without_an_end_is_bounded(supervisor, tmp_path):
    """A process that writes without a newline costs neither memory nor an endless line."""
    await supervisor.start(
        [program("loud", f"import sys; sys.stdout.write('x' * 1_000_000); sys.stdout.flush(); {SLEEP}")]
    )
    log = tmp_path / "loud.log"
    while not log.exists() or log.stat().st_size < 100_000:
        await asyncio.sleep(0.02)
    assert max(map(len, log.read_bytes().splitlines())) <= 16 * 1024

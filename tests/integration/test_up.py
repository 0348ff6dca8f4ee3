"""`yubin up`: it starts, keeps running what dies, stops in order and leaves nothing, and forgets nothing."""

import os
import signal
import smtplib
import ssl
import subprocess
import time

import pytest

from tests.servers.up import System
from yubin.up.folder import start_time
from yubin.up.programs import STAGES

GRACE = "grace = 5\n"
ALL = {name for stage in STAGES for name in stage}
pytestmark = pytest.mark.timeout(300)


def submit(system: System, subject: str) -> str:
    """The tracking number that alice hears for a letter over TLS."""
    context = ssl.create_default_context(cafile=str(system.state / "certificates" / "ca.pem"))
    with smtplib.SMTP_SSL("localhost", system.ports["submissions"], context=context, timeout=30) as smtp:
        smtp.login("alice@demo.example", system.password("alice"))
        smtp.mail("alice@demo.example")
        smtp.rcpt("friend@accepts.example")
        letter = (
            f"From: alice@demo.example\r\nTo: friend@accepts.example\r\nSubject: {subject}\r\n\r\nHello.\r\n"
        )
        code, reply = smtp.data(letter)
        assert code == 250
        return reply.decode().split()[-1]


def gone(pids) -> bool:
    return all(start_time(pid) is None for pid in pids)


def wait_until_gone(pids, seconds=20.0) -> None:
    end = time.monotonic() + seconds
    while not gone(pids):
        assert time.monotonic() < end, f"still there: {[p for p in pids if start_time(p) is not None]}"
        time.sleep(0.05)


def test_a_killed_pod_comes_back_and_a_restart_keeps_everything(tmp_path):
    """From the first start to the second: mail is taken, a dead pod returns, Ctrl-C leaves no process, state stays."""
    system = System(tmp_path, GRACE)
    with system:
        before = system.pids()
        assert set(before) == ALL
        assert "STARTTLS" in system.said()
        number = submit(system, "first")

        os.kill(before["submission"], signal.SIGKILL)
        system.until(lambda: system.status()["processes"].get("submission", {}).get("restarts") == 1, 30)
        system.until(lambda: system.status()["ready"], 60)
        assert system.pids()["submission"] != before["submission"]
        submit(system, "second")

        password, pids = system.password("alice"), system.pids()
        assert system.stop() == 0
        assert gone(pids.values())
        assert "Traceback" not in system.said()
        stopped = [line.split()[0] for line in system.said().splitlines() if "This pod has stopped" in line]
        stages = [[name for name in stage if name in stopped] for stage in STAGES[:-1]]
        assert stopped == sorted(stopped, key=lambda name: [name in stage for stage in stages].index(True))

        system.start()
        assert system.password("alice") == password
        assert number in system.yubin("track", number)
        submit(system, "third")


def test_processes_end_with_a_killed_supervisor_and_the_next_start_succeeds(tmp_path):
    """After kill -9 of the supervisor: the kernel tells its processes; a start right after waits for them."""
    system = System(tmp_path, GRACE)
    with system:
        pids = system.pids()
        system.process.kill()
        system.process.wait(10)
        system.start()
        assert gone(pids.values())
        submit(system, "after the crash")


def test_second_ctrl_c_kills_what_does_not_stop(tmp_path):
    """A pod that hangs does not hold the terminal for its grace."""
    system = System(tmp_path, "grace = 120\n")
    with system:
        pids = system.pids()
        os.kill(pids["delivery"], signal.SIGSTOP)
        system.ask_to_stop()
        system.until(lambda: gone([pids["submission"], pids["api"]]), 30)
        began = time.monotonic()
        system.ask_to_stop()
        system.process.wait(20)
        assert time.monotonic() - began < 15
        wait_until_gone(pids.values())


def test_one_state_folder_one_system(tmp_path):
    """A second start on the same folder is refused and says who runs; one on its ports is refused as well."""
    first = System(tmp_path, GRACE)
    with first:
        again = subprocess.run(first.command, capture_output=True, text=True, timeout=60, check=False)
        assert again.returncode == 1
        assert str(first.process.pid) in again.stderr
        assert first.process.poll() is None
        other = System(tmp_path / "other", GRACE, base=first.base)
        taken = subprocess.run(other.command, capture_output=True, text=True, timeout=60, check=False)
        assert taken.returncode == 1
        assert f"{first.base + 587} (submission)" in taken.stderr


def test_wrong_setting_of_a_pod_ends_the_start(tmp_path):
    """Starting again would not help: the line that names the variable is shown, and everything else is stopped."""
    system = System(tmp_path, GRACE + '[pods.delivery]\nsmtp_port = "many"\n')
    process = system.launch()
    assert process.wait(90) == 1
    assert "YUBIN_SMTP_PORT" in system.said()
    assert "delivery does not take its settings" in system.said()
    assert system.pids() == {}

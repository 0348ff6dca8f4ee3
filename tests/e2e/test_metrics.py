"""Metrics of every pod: they are well formed, they move under load, and their number does not grow with the world."""

from __future__ import annotations

import re
import shutil
import smtplib
import ssl
import subprocess

import pytest

from tests.e2e.town import PODS, Town, wait

MOVES = {
    "submission": ("yubin_acceptance_letters_total", "yubin_loop_lag_seconds_count"),
    "delivery": ("yubin_delivery_recipients_total", "yubin_delivery_attempt_seconds_count"),
    "resolver": ("yubin_rpc_server_seconds_count",),
    "directory": ("yubin_auth_checks_total", "yubin_rpc_server_seconds_count"),
    "api": ("yubin_api_seconds_count",),
}


@pytest.mark.parametrize("pod", PODS)
def test_promtool_has_nothing_to_say(town: Town, pod):
    """`promtool check metrics` finds no fault in what a pod shows."""
    town.send("friend@accepts.example")
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: apt-get install prometheus"
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=town.metrics(pod),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    ours = [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("yubin_")]
    assert ours == []
    assert checked.returncode in {
        0,
        3,
    }  # 3: what the client library's own python_ and process_ metrics are told


def test_every_pods_metrics_move_under_load(town: Town):
    """Requests and latency count up in each pod when letters pass."""
    before = {(pod, name): town.metric(pod, name) for pod, names in MOVES.items() for name in names}
    for i in range(5):
        number = town.send(f"friend{i}@new{i}.accepts.example")
    town.swaks(
        "friend@accepts.example", "--auth-password", "not the password", ok=False
    )  # not answered by a cache
    wait(
        lambda: "delivered" in town.yubin("track", number) or "bounced" in town.yubin("track", number),
        20,
        "end",
    )
    for (pod, name), value in before.items():
        assert wait(lambda p=pod, n=name, v=value: town.metric(p, n) > v, 20, f"movement of {pod} {name}")


def test_labels_stay_bounded_over_ten_thousand_domains(town: Town):
    """CASES L11 in small: 10,000 domains, addresses and failures add no series that the first hundred had not."""
    with _login(town) as client:
        _send(client, 0, 100)
        _settle(town)
        before = {pod: _series(town, pod) for pod in PODS}
        for start in range(100, 10_000, 900):
            _send(client, start, min(start + 900, 10_000))
    _settle(town)
    after = {pod: _series(town, pod) for pod in PODS}
    for pod in PODS:
        grown = after[pod] - before[pod]
        assert len(grown) < 60, sorted(grown)[:20]
        assert not [s for s in after[pod] if "example" in s]


def _series(town: Town, pod: str) -> set[str]:
    return {
        m[1]
        for m in re.finditer(r"^(yubin_[^ ]+) ", town.metrics(pod), re.MULTILINE)
        if "_bucket" not in m[1]
    }


def _login(town: Town) -> smtplib.SMTP_SSL:
    context = ssl.create_default_context(cafile=town.ca)
    client = smtplib.SMTP_SSL("localhost", town.ports["submissions"], context=context, timeout=100)
    client.login("alice@demo.example", town.password())
    return client


def _send(client: smtplib.SMTP_SSL, start: int, end: int) -> None:
    to = [f"u{i}@d{i}.missing.example" for i in range(start, end)]
    refused = client.sendmail(
        "alice@demo.example", to, "From: alice@demo.example\r\nSubject: many\r\n\r\nx\r\n"
    )
    assert refused == {}


def _settle(town: Town) -> None:
    """Until nothing waits any more."""
    wait(lambda: town.metric("delivery", "yubin_delivery_in_flight") == 0 and _empty(town), 90, "empty queue")


def _empty(town: Town) -> bool:
    import json

    rows = json.loads(town.yubin("queue", "list", "--json"))
    return not [
        r
        for r in (rows["deliveries"] if isinstance(rows, dict) else rows)
        if "missing.example" in r["domain"]
    ]

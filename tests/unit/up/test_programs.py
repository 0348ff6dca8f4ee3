"""What is started, with which environment, and in which order it stops."""

import datetime as dt

import dns.zone
import pytest

from yubin.errors import Unavailable
from yubin.up import ports
from yubin.up.config import POD_NAMES, Config
from yubin.up.demo import Account, publish
from yubin.up.folder import Folder
from yubin.up.guide import ready
from yubin.up.programs import STAGES, House, foundation, listeners, pods, renew


def house(tmp_path, *, pretend=True, **changes) -> House:
    config = Config(state=str(tmp_path), **changes)
    folder = Folder(tmp_path)
    folder.open()
    return House(config=config, folder=folder, ports=ports.of(config), pretend=pretend)


def environment(made: House, name: str) -> dict[str, str]:
    return dict(next(p for p in pods(made) if p.name == name).environment)


def test_every_program_has_its_place_in_the_order_of_stopping(tmp_path):
    """Accepting pods first, the broker last; nobody is forgotten."""
    made = house(tmp_path)
    names = [p.name for p in (*foundation(made), *pods(made))]
    assert sorted(names) == sorted(name for stage in STAGES for name in stage)
    assert [p.name for p in pods(made)] == list(POD_NAMES)
    assert STAGES[0] == ("mx", "submission", "api", "gateway")
    assert "nats" in STAGES[-1]


def test_pretend_world_has_no_way_out(tmp_path):
    """The demo resolves only in its own DNS and connects only to its own sink's port; nothing else is loosened."""
    made = house(tmp_path)
    assert environment(made, "resolver")["YUBIN_DNS_SERVERS"] == f"127.0.0.1:{made.ports.outside_dns}"
    assert environment(made, "resolver")["YUBIN_INSIDE_NETWORKS"] == "127.0.0.0/8,::1/128"
    assert environment(made, "delivery")["YUBIN_SMTP_PORT"] == str(made.ports.outside_smtp)


def test_real_sending_reaches_no_inside_network(tmp_path):
    """Without the pretend world: port 25, this machine's DNS, and no inside network unless the operator names one."""
    made = house(tmp_path, pretend=False)
    assert environment(made, "resolver")["YUBIN_INSIDE_NETWORKS"] == ""
    assert environment(made, "resolver")["YUBIN_DNS_SERVERS"] == ""
    assert environment(made, "delivery")["YUBIN_SMTP_PORT"] == "25"
    assert [p.name for p in foundation(made)] == ["nats"]
    assert not any(name.startswith("outside") for name in listeners(made))


def test_each_pod_is_given_no_more_than_it_needs(tmp_path):
    """Secrets and databases go to whoever uses them: the seal key to directory, the token to api, no ledger to them."""
    made = house(tmp_path)
    seen = {name: environment(made, name) for name in POD_NAMES}
    assert [n for n, e in seen.items() if "YUBIN_DKIM_SEAL_KEY" in e] == ["directory"]
    assert [n for n, e in seen.items() if "YUBIN_API_TOKEN_FILE" in e] == ["api"]
    assert [n for n, e in seen.items() if "YUBIN_ACCOUNTS_URL" in e] == ["directory"]
    assert [n for n, e in seen.items() if "YUBIN_LEDGER_URL" in e] == ["submission", "delivery", "api", "mx"]
    assert [n for n, e in seen.items() if "YUBIN_MAILBOXES_URL" in e] == ["mailbox"]
    assert "YUBIN_OBJECTS_URL" not in seen["gateway"]
    assert all(e["YUBIN_TLS_CERT"].endswith(f"/{n}.pem") for n, e in seen.items())
    assert all("YUBIN_INSECURE" not in e for e in seen.values())


def test_everything_listens_on_this_machine_only(tmp_path):
    """Loopback by default; an operator may open what mail programs use, never the pods' own ports."""
    made = house(tmp_path)
    assert {host for host, _ in listeners(made).values()} == {"127.0.0.1"}
    opened = listeners(house(tmp_path / "open", listen="192.0.2.1"))
    assert sorted(name for name, (host, _) in opened.items() if host == "192.0.2.1") == [
        "api",
        "imap",
        "imaps",
        "mx",
        "pop3",
        "pop3s",
        "submission",
        "submissions",
    ]


def test_a_pods_own_table_reaches_its_environment(tmp_path):
    """[pods.delivery] slots = 7 is YUBIN_SLOTS=7, there only."""
    made = house(tmp_path, pods={"delivery": {"slots": 7, "insecure": False}})
    assert environment(made, "delivery")["YUBIN_SLOTS"] == "7"
    assert environment(made, "delivery")["YUBIN_INSECURE"] == "false"
    assert "YUBIN_SLOTS" not in environment(made, "api")


def test_missing_broker_names_the_package(tmp_path):
    """A person is told what to install."""
    with pytest.raises(Unavailable, match=r"apt-get install .*nats-server"):
        foundation(house(tmp_path, nats_server="no-such-nats-server"))


def test_operators_certificate_is_shown_to_mail_programs(tmp_path):
    """A chain of a public CA replaces the local one outside, not between the pods."""
    made = house(tmp_path, certificate="/x/chain.pem", certificate_key="/x/key.pem")
    seen = environment(made, "submission")
    assert seen["YUBIN_SMTP_TLS_CERT"] == "/x/chain.pem"
    assert seen["YUBIN_TLS_CERT"] == str(tmp_path / "certificates" / "submission.pem")


def test_certificates_are_renewed_while_it_runs(tmp_path):
    """A system that runs for more than a year: whoever has a new certificate is named, nobody while all hold."""
    made = house(tmp_path)
    foundation(made)
    pods(made)
    assert renew(made) == []
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=380)
    assert renew(made, later) == ["nats", *POD_NAMES]
    assert renew(made, later) == []


def test_dkim_key_is_published_as_a_verifier_reads_it(tmp_path):
    """A key longer than one character-string (RFC 1035 3.3) is split, and joins to what the directory said."""
    text = "v=DKIM1; k=rsa; p=" + "A" * 392
    record = {"name": "s1._domainkey.demo.example", "text": text}
    publish({"dkim": [record]}, tmp_path / "zone")
    zone = dns.zone.from_text(
        (tmp_path / "zone").read_text(), origin=".", check_origin=False, relativize=False
    )
    strings = zone.get_rdataset("s1._domainkey.demo.example.", "TXT")[0].strings
    assert b"".join(strings).decode() == text
    assert max(map(len, strings)) <= 255
    assert str(zone.get_rdataset("demo.example.", "MX")[0].exchange) == "mx.demo.example."


def test_guide_tells_what_a_mail_program_needs(tmp_path):
    """Server, both ports, who, the password, whom to trust, and commands to copy."""
    made = house(tmp_path)
    people = [
        Account(address="alice@demo.example", password="pw-a"),
        Account(address="bob@demo.example", password="pw-b"),
    ]
    told = ready(made, people, ca="/s/ca.pem")
    for part in (
        "localhost",
        "10587",
        "10465",
        "alice@demo.example",
        "pw-b",
        "/s/ca.pem",
        "swaks --server",
        "msmtp",
        "track",
        "outside list",
    ):
        assert part in told
    assert "outside list" not in ready(house(tmp_path / "b", pretend=False), people, ca="")

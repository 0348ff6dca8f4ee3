"""What a person is told when everything runs: what to type into a mail program, and commands to try."""

from __future__ import annotations

from yubin.up.demo import Account
from yubin.up.programs import House


def ready(house: House, people: list[Account], *, ca: str) -> str:
    """``ca`` is the file to trust; "" when mail programs trust the certificate anyway."""
    parts = ["", "Yubin is ready. Ctrl-C stops it.", ""]
    parts += _settings(house, people, ca)
    if people:
        parts += ["", *_commands(house, people, ca)]
    return "\n".join([*parts, ""])


def _settings(house: House, people: list[Account], ca: str) -> list[str]:
    host, ports = _host(house), house.ports
    lines = [
        "A mail program",
        f"  server            {host}",
        f"  sends (SMTP)      port {ports.submission} with STARTTLS, or {ports.submissions} with TLS",
        f"  reads (IMAP)      port {ports.imap} with STARTTLS, or {ports.imaps} with TLS",
        f"  fetches (POP3)    port {ports.pop3} with STLS, or {ports.pop3s} with TLS",
        "  authentication    password (PLAIN or LOGIN)",
    ]
    lines += [f"  user, password    {one.address}  {one.password}" for one in people]
    if ca:
        lines.append(f"  trust             {ca}")
    lines.append(f"Other people's servers send to port {ports.mx} (SMTP with STARTTLS).")
    lines.append(f"The yubin command and other programs: https://{host}:{ports.api}")
    return lines


def _commands(house: House, people: list[Account], ca: str) -> list[str]:
    alice, bob = people[0], people[1]
    to = "friend@accepts.example" if house.pretend else "YOUR.OWN@ADDRESS"
    state = house.folder.path
    yubin = f"YUBIN_STATE={state} yubin"
    lines = [
        "To try (after `. .venv/bin/activate`)",
        f"  {_swaks(house, alice, ca, to)}",
        f"  {_msmtp(house, bob, ca, to)}",
        f"  {_inbound(house, bob)}    (as another server would)",
        f"  {_curl(house, bob, ca)}    (lists Bob's letters; /1 shows the first)",
        f"  {yubin} mailbox list {bob.address}",
        f"  {yubin} send --from {alice.address} --to {to} --subject Hello --text Hello.",
        f"  {yubin} track NUMBER    (the number in the 250 reply)",
        f"  {yubin} queue list",
    ]
    if house.pretend:
        lines += [
            f"  yubin outside list --store {state}/outside",
            "Others in the pretend outside world: anybody@ refuses.example (550), later.example (451),",
            "nomail.example (null MX), missing.example (does not exist). Nothing leaves this machine.",
        ]
    return lines


def _swaks(house: House, who: Account, ca: str, to: str) -> str:
    parts = [f"swaks --server {_host(house)}:{house.ports.submission} --tls --tls-verify"]
    parts += [f"--tls-ca-path {ca}"] if ca else []
    parts += [f"--auth PLAIN --auth-user {who.address} --auth-password {who.password}"]
    return " ".join([*parts, f"--from {who.address} --to {to}"])


def _msmtp(house: House, who: Account, ca: str, to: str) -> str:
    letter = f"printf 'From: {who.address}\\nTo: {to}\\nSubject: Hello\\n\\nHello.\\n'"
    parts = [
        f"{letter} | msmtp --host={_host(house)} --port={house.ports.submissions} --tls=on --tls-starttls=off"
    ]
    parts += [f"--tls-trust-file={ca}"] if ca else []
    name = who.address.partition("@")[0]
    password = f"--passwordeval='cat {house.folder.path}/secrets/{name}-password'"
    return " ".join([*parts, f"--auth=plain --user={who.address} {password} --from={who.address} {to}"])


def _inbound(house: House, who: Account) -> str:
    return f"swaks --server {_host(house)}:{house.ports.mx} --tls --from friend@accepts.example --to {who.address}"


def _curl(house: House, who: Account, ca: str) -> str:
    trust = f"--cacert {ca} " if ca else ""
    return f"curl -s {trust}--user {who.address}:{who.password} pop3s://{_host(house)}:{house.ports.pop3s}/"


def _host(house: House) -> str:
    return "localhost" if house.config.listen in ("127.0.0.1", "::1") else house.config.hostname

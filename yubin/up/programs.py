"""What runs on one machine, and how each is told where the others are.

The very processes of a cluster: ``python -m services.<pod>``, configured by the environment alone, beside a real
nats-server. They stop in ``STAGES``: first nobody new is let in, then what was accepted is sent, then those that
answer questions go, and the broker last.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from dataclasses import dataclass

from yubin.dispatch.link import Broker
from yubin.errors import Unavailable
from yubin.runtime.certificates import LOCAL, Credentials, issue
from yubin.up.child import Program
from yubin.up.config import POD_NAMES, Config
from yubin.up.folder import Folder, write
from yubin.up.ports import LOOPBACK, PUBLIC, Ports

STAGES = (
    ("mx", "submission", "api", "gateway"),
    ("delivery",),
    ("mailbox",),
    ("directory", "resolver"),
    ("outside", "nats"),
)
INSIDE = "127.0.0.0/8,::1/128"


@dataclass(frozen=True, kw_only=True)
class House:
    """``pretend``: with an outside world of our own, and no way to the real one."""

    config: Config
    folder: Folder
    ports: Ports
    pretend: bool


def foundation(house: House) -> list[Program]:
    """What the pods need from the first moment."""
    programs = [_nats(house)]
    if house.pretend:
        programs.append(_outside(house))
    return programs


def pods(house: House) -> list[Program]:
    return [_pod(house, name) for name in POD_NAMES]


def listeners(house: House) -> dict[str, tuple[str, int]]:
    """Every (address, port) that must be free."""
    return {
        name: (house.config.listen if name in PUBLIC else LOOPBACK, port)
        for name, port in house.ports.named().items()
        if house.pretend or not name.startswith("outside")
    }


def public_certificate(house: House, now: dt.datetime | None = None) -> tuple[str, str]:
    """Chain and key that mail programs see: the operator's, or one of the local CA."""
    config = house.config
    if config.certificate:
        return config.certificate, config.certificate_key
    names = dict.fromkeys((config.hostname, *LOCAL, config.listen))
    wanted = [name for name in names if name not in ("0.0.0.0", "::")]
    mail = issue(house.folder / "certificates", "mail", wanted, now=now)
    return str(mail.cert), str(mail.key)


def renew(house: House, now: dt.datetime | None = None) -> list[str]:
    """Makes certificates anew that near their end; the programs that must start afresh to show and to trust them."""
    folder, names = house.folder / "certificates", ("nats", *POD_NAMES)
    before = {name: (folder / f"{name}.pem").read_bytes() for name in names}
    public_certificate(house, now)
    for name in names:
        issue(folder, name, now=now)
    return [name for name in names if (folder / f"{name}.pem").read_bytes() != before[name]]


def _nats(house: House) -> Program:
    config, folder = house.config, house.folder
    server = shutil.which(config.nats_server) or shutil.which(
        config.nats_server, path="/usr/sbin:/usr/local/sbin:/usr/local/bin"
    )
    if server is None:
        raise Unavailable(
            f"{config.nats_server} is not installed; on Debian: apt-get install --no-install-recommends nats-server"
        )
    tls = issue(folder / "certificates", "nats")
    names = {"cert_file": tls.cert, "key_file": tls.key, "ca_file": tls.ca}
    files = ", ".join(f"{key}: {json.dumps(str(path))}" for key, path in names.items())
    lines = [
        "server_name: yubin",
        f"listen: {json.dumps(f'{LOOPBACK}:{house.ports.nats}')}",
        f"jetstream {{ store_dir: {json.dumps(str(folder / 'nats'))} }}",
        f"tls {{ {files}, verify: true }}",
        "max_payload: 1MB",
    ]
    write(folder / "nats.conf", "\n".join(lines) + "\n", 0o600)
    return Program(
        name="nats",
        command=[server, "-c", str(folder / "nats.conf")],
        broker=Broker(url=f"tls://{LOOPBACK}:{house.ports.nats}", ca=tls.ca, cert=tls.cert, key=tls.key),
        foreign=True,
    )


def _outside(house: House) -> Program:
    ports, folder = house.ports, house.folder
    places = {
        "--dns": f"{LOOPBACK}:{ports.outside_dns}",
        "--smtp": f"{LOOPBACK}:{ports.outside_smtp}",
        "--store": str(folder / "outside"),
        "--zone": str(folder / "outside.zone"),
    }
    options = [text for pair in places.items() for text in pair]
    command = [sys.executable, "-P", "-c", "from yubin.cli.main import main; main()", "outside", *options]
    return Program(name="outside", command=command, port=ports.outside_smtp, foreign=True)


def _pod(house: House, name: str) -> Program:
    ports = house.ports.pods[name]
    mine = issue(house.folder / "certificates", name)
    environment = _common(house, name, mine) | _special(house, name)
    environment |= {key: _text(value) for key, value in house.config.pods.get(name, {}).items()}
    return Program(
        name=name,
        command=[sys.executable, "-P", "-m", f"services.{name}"],
        environment={f"YUBIN_{key.upper()}": value for key, value in environment.items()},
        health=ports.health,
    )


def _common(house: House, name: str, mine: Credentials) -> dict[str, str]:
    config, ports = house.config, house.ports
    settings = {
        "grpc_listen": f"{LOOPBACK}:{ports.pods[name].grpc}",
        "health_listen": f"{LOOPBACK}:{ports.pods[name].health}",
        "metrics_listen": f"{LOOPBACK}:{ports.pods[name].metrics}",
        "log_level": config.log_level,
        "tls_ca": str(mine.ca),
        "tls_cert": str(mine.cert),
        "tls_key": str(mine.key),
        "trace_ratio": str(config.trace_ratio),
        "nats_url": f"tls://{LOOPBACK}:{ports.nats}",
        "grace": str(config.grace),
        "hostname": config.hostname,
        "directory": f"{LOOPBACK}:{ports.pods['directory'].grpc}",
        "resolver": f"{LOOPBACK}:{ports.pods['resolver'].grpc}",
        "mailbox": f"{LOOPBACK}:{ports.pods['mailbox'].grpc}",
    }
    return settings | ({"otlp_endpoint": config.otlp_endpoint} if config.otlp_endpoint else {})


def _special(house: House, name: str) -> dict[str, str]:
    """What only this pod is told: each gets no more than it needs."""
    config, ports = house.config, house.ports
    if name == "directory":
        return {
            "accounts_url": config.accounts_url or f"sqlite://{house.folder / 'accounts.db'}",
            "dkim_seal_key": house.folder.key("dkim-seal-key"),
            "postmaster": config.postmaster,
        }
    if name == "resolver":
        return _resolver(house)
    cert, key = public_certificate(house)
    if name == "gateway":
        return {
            "imap_listen": _address(config.listen, ports.imap),
            "imaps_listen": _address(config.listen, ports.imaps),
            "pop3_listen": _address(config.listen, ports.pop3),
            "pop3s_listen": _address(config.listen, ports.pop3s),
            "mail_tls_cert": cert,
            "mail_tls_key": key,
        }
    objects = {"objects_url": config.objects_url or f"file://{house.folder / 'objects'}"}
    if name == "mailbox":
        return objects | {
            "mailboxes_url": config.mailboxes_url or f"sqlite://{house.folder / 'mailboxes.db'}"
        }
    return {
        "mx": {
            "mx_listen": _address(config.listen, ports.mx),
            "postmaster": config.postmaster,
            "smtp_tls_cert": cert,
            "smtp_tls_key": key,
        },
        "submission": {
            "submission_listen": _address(config.listen, ports.submission),
            "submissions_listen": _address(config.listen, ports.submissions),
            "smtp_tls_cert": cert,
            "smtp_tls_key": key,
        },
        "delivery": {"smtp_port": str(ports.outside_smtp if house.pretend else config.smtp_port or 25)},
        "api": {
            "api_listen": _address(config.listen, ports.api),
            "api_token_file": str(house.folder / "secrets" / "api-token"),
            "api_tls_cert": cert,
            "api_tls_key": key,
        },
    }[name] | (objects | {"ledger_url": config.ledger_url or f"sqlite://{house.folder / 'ledger.db'}"})


def _resolver(house: House) -> dict[str, str]:
    config = house.config
    if house.pretend:
        return {"dns_servers": f"{LOOPBACK}:{house.ports.outside_dns}", "inside_networks": INSIDE}
    return {"dns_servers": ",".join(config.dns_servers), "inside_networks": ",".join(config.inside_networks)}


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

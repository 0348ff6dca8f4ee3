"""What `yubin up --config FILE` understands: TOML, every key with its description, and nothing unknown.

`yubin up --keys` prints this list. A key of a table ``[pods.NAME]`` is a variable of that pod without ``YUBIN_`` and in
lower case (`smtp_port = 2525` is YUBIN_SMTP_PORT=2525); the pod itself says which it knows, in `services/NAME/config.py`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from yubin.errors import Invalid

POD_NAMES = ("directory", "resolver", "submission", "delivery", "api", "mailbox", "mx", "gateway")

Text = Annotated[str, Meta(max_length=4096)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]
Setting = str | int | float | bool


def _about(text: str) -> Meta:
    return Meta(description=text)


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths are relative to the file that names them. Empty text and port 0 mean: the default described."""

    state: Annotated[Text, _about("folder of all that is kept: databases, letters, certificates, logs")] = (
        "state"
    )
    hostname: Annotated[Text, _about("this system's name in greetings, EHLO and Received fields")] = (
        "mail.localhost"
    )
    port_base: Annotated[
        int, Meta(ge=1024, le=64000), _about("all ports are this plus a fixed number below 1000")
    ] = 10000
    listen: Annotated[Text, _about("address for mail programs and the api; pods talk on 127.0.0.1 only")] = (
        "127.0.0.1"
    )
    submission_port: Annotated[Port, _about("SMTP with STARTTLS; 0: port_base + 587")] = 0
    submissions_port: Annotated[Port, _about("SMTP over TLS; 0: port_base + 465")] = 0
    mx_port: Annotated[Port, _about("SMTP from other people's mail servers; 0: port_base + 25")] = 0
    imap_port: Annotated[Port, _about("IMAP with STARTTLS; 0: port_base + 143")] = 0
    imaps_port: Annotated[Port, _about("IMAP over TLS; 0: port_base + 993")] = 0
    pop3_port: Annotated[Port, _about("POP3 with STLS; 0: port_base + 110")] = 0
    pop3s_port: Annotated[Port, _about("POP3 over TLS; 0: port_base + 995")] = 0
    api_port: Annotated[Port, _about("HTTPS for the yubin command; 0: port_base + 443")] = 0
    certificate: Annotated[
        Text, _about("PEM chain that mail programs and the api's clients see; empty: of the local CA")
    ] = ""
    certificate_key: Annotated[Text, _about("PEM private key of that chain")] = ""
    postmaster: Annotated[
        Text,
        _about("who reads mail for postmaster@ and abuse@ of every domain; empty: refused where none is"),
    ] = ""
    smtp_port: Annotated[Port, _about("port of other people's mail servers; 0: 25")] = 0
    dns_servers: Annotated[
        list[Text], _about('DNS servers as "address:port"; empty: those of /etc/resolv.conf')
    ] = []
    inside_networks: Annotated[
        list[Text], _about('networks that mail may go to although they are not public, "10.1.0.0/16"')
    ] = []
    ledger_url: Annotated[Text, _about("the queue's database; empty: SQLite in the state folder")] = ""
    accounts_url: Annotated[Text, _about("the directory's database; empty: SQLite in the state folder")] = ""
    mailboxes_url: Annotated[Text, _about("the mailboxes' database; empty: SQLite in the state folder")] = ""
    objects_url: Annotated[Text, _about("where large letters lie; empty: a folder in the state folder")] = ""
    nats_server: Annotated[Text, _about("the nats-server program")] = "nats-server"
    log_level: Annotated[Text, _about("least level that pods log: debug, info, warning, error")] = "info"
    otlp_endpoint: Annotated[Text, _about("OTLP/gRPC collector for traces; empty: none")] = ""
    trace_ratio: Annotated[float, Meta(ge=0, le=1), _about("share of letters that are traced")] = 0.01
    grace: Annotated[Seconds, _about("seconds that stopping pods give to work under way")] = 30.0
    pods: Annotated[
        dict[str, dict[str, Setting]], _about("tables [pods.NAME]: further settings of one pod")
    ] = {}


def load(path: Path) -> Config:
    """Raises Invalid, which names the file and the key."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: not TOML: {error}") from error
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise Invalid(f"{path}: {error}; `yubin up --keys` lists what there is") from error
    return resolved(config, path.parent, str(path))


def resolved(config: Config, folder: Path, origin: str) -> Config:
    """Paths made absolute, and what the types alone cannot say; raises Invalid."""
    for name in config.pods:
        if name not in POD_NAMES:
            raise Invalid(f"{origin}: there is no pod {name!r}; there are {', '.join(POD_NAMES)}")
    if bool(config.certificate) != bool(config.certificate_key):
        raise Invalid(f"{origin}: certificate and certificate_key go together")
    paths = {
        key: str((folder / value).resolve())
        for key in ("state", "certificate", "certificate_key")
        if (value := getattr(config, key))
    }
    if set("?#%") & set(paths["state"]):
        raise Invalid(
            f"{origin}: the state folder's name must be without ?, # and %, it becomes part of URLs"
        )
    return msgspec.structs.replace(config, **paths)


def keys() -> list[tuple[str, str, str]]:
    """(key, default, description) of each."""
    rows = []
    hints = get_type_hints(Config, include_extras=True)
    for field in msgspec.structs.fields(Config):
        default: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        about = next(m.description for m in reversed(_metas(hints[field.name])) if m.description)
        rows.append((field.name, msgspec.json.encode(default).decode(), about))
    return rows


def _metas(hint: Any) -> list[Meta]:
    return [item for item in get_args(hint) if isinstance(item, Meta)]

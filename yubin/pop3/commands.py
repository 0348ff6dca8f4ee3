"""State → verbs that are allowed in it → who answers them (RFC 1939 3). The whole protocol at a glance.

A handler answers at once, or returns the steps by which it will (yubin.pop3.needs). To refuse, it raises a Failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yubin.pop3.dialogue import Dialogue, State
from yubin.pop3.needs import Steps
from yubin.pop3.verbs.apop import apop
from yubin.pop3.verbs.auth import auth
from yubin.pop3.verbs.capa import capa
from yubin.pop3.verbs.dele import dele
from yubin.pop3.verbs.listings import list_, uidl
from yubin.pop3.verbs.login import pass_, user
from yubin.pop3.verbs.quit import quit_
from yubin.pop3.verbs.retrieval import retr, top
from yubin.pop3.verbs.status import noop, rset, stat
from yubin.pop3.verbs.stls import stls
from yubin.pop3.verbs.utf8 import utf8

Handler = Callable[[Dialogue, str], Steps | None]

COMMANDS: Mapping[State, Mapping[str, Handler]] = {
    State.AUTHORIZATION: {
        "CAPA": capa,  # RFC 2449 5
        "STLS": stls,  # RFC 2595 4
        "UTF8": utf8,  # RFC 6856 2
        "USER": user,
        "PASS": pass_,
        "APOP": apop,
        "AUTH": auth,  # RFC 5034
        "QUIT": quit_,
    },
    State.TRANSACTION: {
        "CAPA": capa,
        "STAT": stat,
        "LIST": list_,
        "UIDL": uidl,
        "RETR": retr,
        "TOP": top,
        "DELE": dele,
        "NOOP": noop,
        "RSET": rset,
        "QUIT": quit_,
    },
    State.UPDATE: {},
}
VERBS = frozenset(verb for verbs in COMMANDS.values() for verb in verbs)
JUNK = frozenset(
    {"CAPA", "UTF8", "USER", "NOOP", "RSET", "STAT"}
)  # cost us something and bring a client nowhere

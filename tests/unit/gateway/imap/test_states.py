"""The table of states, and what is announced: neither says more than the other can do."""

import re
from pathlib import Path

from services.gateway.imap import capability, states
from services.gateway.imap.session import State
from yubin.imap.commands.table import VERBS

FOLDER = Path(states.__file__).parent


def test_every_verb_of_the_grammar_has_a_state():
    """And the other way round: nothing is parsed in vain, nothing is obeyed that cannot be parsed."""
    obeyed = {name for table in states.TABLE.values() for name in table}
    assert obeyed == set(VERBS)


def test_one_file_for_each_verb():
    """STYLE: a reader finds a command by its name."""
    files = {path.stem.upper() for path in (FOLDER / "verbs").glob("*.py")} - {"__INIT__"}
    assert files == set(VERBS)


def test_nothing_of_a_mailbox_before_the_login():
    """RFC 9051 3.1."""
    assert set(states.TABLE[State.NOT_AUTHENTICATED]) == {
        "AUTHENTICATE", "CAPABILITY", "ID", "LOGIN", "LOGOUT", "NOOP", "STARTTLS",
    }  # fmt: skip
    assert not states.TABLE[State.LOGOUT]


def test_what_counts_numbers_hears_of_no_expunge():
    """RFC 9051 7.5.1, RFC 5256 3."""
    quiet = {name for name, verb in states.SELECTED.items() if not verb.expunges}
    assert quiet == {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}


def test_capabilities_are_announced_once():
    """Each with the place where it is done."""
    every = [*capability.ALWAYS, *capability.INSIDE]
    assert len(every) == len(set(every))
    lines = [
        line for line in (FOLDER / "capability.py").read_text().splitlines() if re.match(r'    "\S+",', line)
    ]
    assert len(lines) == len(every)
    assert all("  # " in line for line in lines)

"""The network cuts where it wants: the events are the same."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.imap.talk import events
from yubin.imap.events import Request, Syntax

_COMMANDS = st.sampled_from(
    [
        b"a NOOP\r\n",
        b"b login {3+}\r\na b {2}\r\nxy\r\n",
        b'c UID FETCH 1:*,5 (FLAGS BODY.PEEK[HEADER.FIELDS ("a" {1+}\r\nb)]<0.5>)\r\n',
        b"d APPEND x {4+}\r\nab\r\n (\\Seen) {0}\r\n UTF8 (~{2}\r\n\0\n)\r\n",
        b"e APPEND {1}\r\nx {5+}\r\n\r\n\r\n\r\r\n",
        b"f APPEND x {3+}\r\nabc {3+}\r\nabc nonsense {9+}\r\nx LOGOUT\n\r\n",
        b"g NOPE {9+}\r\nx LOGOUT\n {9}\r\n",
        b"h SEARCH TEXT {70+}\r\n" + b"y" * 70 + b"\r\n",
        b"i SEARCH TEXT {500+}\r\n",
        b"j " + b"x" * 150 + b"\r\n",
        b"k " + b"x" * 150 + b" {3+}\r\nabc\r\n",
        b"l REPLACE 4 x {101+}\r\n" + b"x" * 101 + b"\r\n",
        b"m SELECT {3+}\r\na\0b\r\n",
        b"\r\n",
        b"\n",
        b"n\r\n",
        b"r AUTHENTICATE PLAIN " + b"A" * 120 + b"\r\n",
        b"s AUTHENTICATE PLAIN " + b"A" * 180 + b"\r\n",
        b"t LOGIN x " + b"A" * 120 + b"\r\n",
        b"o LOGIN {99999999999999999999999+}\r\n",
        b"p STORE 1 FLAGS \\Seen   \n",
    ]
)
_STREAM = st.lists(st.one_of(_COMMANDS, _COMMANDS, st.binary(max_size=8)), max_size=8).map(b"".join)


def _cut(stream, places):
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(edges)]


@settings(max_examples=300, deadline=None)
@given(
    stream=_STREAM,
    places=st.lists(st.integers(0, 5000), max_size=12),
    logged_in=st.booleans(),
    refuse=st.sampled_from([(), (1,), (2,)]),
)
def test_events_do_not_depend_on_where_the_network_cuts(stream, places, logged_in, refuse):
    """Commands, letters, flaws and bounds alike, before and after login."""
    limits = {"line": 140, "before_login": 120, "sasl": 160, "literal": 60, "swallow": 200, "append": 100}
    whole = events(stream, logged_in=logged_in, refuse=refuse, **limits)
    assert events(*_cut(stream, places), logged_in=logged_in, refuse=refuse, **limits) == whole


@settings(max_examples=60, deadline=None)
@given(stream=_STREAM)
def test_octet_by_octet(stream):
    """The finest cut."""
    whole = events(stream, line=140, swallow=200)
    assert events(*[stream[at : at + 1] for at in range(len(stream))], line=140, swallow=200) == whole


_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="}"), max_size=12)
_FRAMED = st.tuples(_TEXT, st.lists(st.tuples(st.binary(max_size=12), _TEXT), max_size=3)).map(
    lambda made: (
        made[0].encode("latin-1")
        + b"".join(
            b" {%d+}\r\n%b%b" % (len(octets), octets, text.encode("latin-1")) for octets, text in made[1]
        )
        + b"\r\n"
    )
)


@settings(max_examples=300, deadline=None)
@given(verb=st.sampled_from([b"", b"a SEARCH TEXT", b"a NOPE", b"a APPEND x"]), command=_FRAMED)
def test_a_command_ends_where_its_framing_says(verb, command):
    """Whatever a command has, and its literals, the next one is understood: nothing of them is read as commands."""
    refused = [
        event for event in events(verb + command + b"z NOOP\r\n") if isinstance(event, Request | Syntax)
    ]
    assert refused[-1].tag == b"z"
    assert isinstance(refused[-1], Request)
    assert len(refused) == 2

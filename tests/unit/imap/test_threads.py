"""THREAD: trees as RFC 5256 makes them, in both ways; deep ones too."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.imap.references import References
from yubin.imap.threads import OrderedSubject, thread
from yubin.mail import subject
from yubin.mail.summary import Summary


def letter(about: str = "", **other) -> Summary:
    base = subject.base(about)
    return Summary(subject=about, base=base.text, reply=base.reply, **other)


def answer(kind: type, letters: list[Summary]) -> str:
    """The threads of letters 1, 2, … that came a second apart."""
    threading = kind()
    for number, about in enumerate(letters, 1):
        threading.add(number, received=float(number), summary=about)
    return thread(threading.forest()).decode().removeprefix("* THREAD").removesuffix("\r\n").strip()


def family(*pairs: tuple[int, int], count: int) -> list[Summary]:
    """Letters 1 to ``count``, each with an id; (child, parent) pairs."""
    parents = dict(pairs)
    found = []
    for number in range(1, count + 1):
        line, here = [], parents.get(number)
        while here:
            line.append(f"{here}@x")
            here = parents.get(here)
        found.append(letter(message_id=f"{number}@x", references=tuple(reversed(line))))
    return found


def test_the_tree_of_the_rfc():
    """RFC 5256 4: "(2)(3 6 (4 23)(44 7 96))", with the letters that it names."""
    names = {2: 1, 3: 2, 6: 3, 4: 4, 23: 5, 44: 6, 7: 7, 96: 8}
    pairs = [(6, 3), (4, 6), (23, 4), (44, 6), (7, 44), (96, 7)]
    letters = family(*[(names[child], names[parent]) for child, parent in pairs], count=8)
    assert answer(References, letters) == "(1)(2 3 (4 5)(6 7 8))"


def test_siblings_of_a_letter_that_is_not_there():
    """RFC 5256 4: "((3)(5))": a dummy with several children stays, and is not named."""
    siblings = [letter(message_id=f"{n}@x", references=("gone@x",)) for n in (1, 2)]
    assert answer(References, siblings) == "((1)(2))"


def test_nothing_is_no_thread():
    """RFC 5256 4: the response without a list."""
    assert thread(References().forest()) == b"* THREAD\r\n"


@pytest.mark.parametrize(
    ("letters", "shown"),
    [
        ([letter(message_id="a@x"), letter(message_id="b@x")], "(1)(2)"),
        ([letter(message_id="b@x", references=("a@x",)), letter(message_id="a@x")], "(2 1)"),
        ([letter(message_id="b@x", references=("gone@x",))], "(1)"),
        ([letter(message_id="a@x"), letter(message_id="b@x", in_reply_to="a@x")], "(1 2)"),
        ([letter(message_id="a@x"), letter(in_reply_to="a@x"), letter(in_reply_to="a@x")], "(1 (2)(3))"),
        ([letter(in_reply_to="your letter"), letter(in_reply_to="your letter")], "(1)(2)"),
        ([letter(message_id="a@x"), letter(message_id="a@x")], "(1)(2)"),
        ([letter(message_id="a@x"), letter(message_id="b@x", references=("a@x", "gone@x"))], "(1 2)"),
        (
            [
                letter(message_id="a@x", references=("b@x",)),
                letter(message_id="b@x", references=("a@x",)),
            ],
            "(2 1)",
        ),
        ([letter(message_id="a@x", references=("a@x",))], "(1)"),
        ([letter(), letter(), letter()], "(1)(2)(3)"),
    ],
)
def test_references_make_parents(letters, shown):
    """RFC 5256 3, steps 1 to 3: links, ids that nobody has or two have, circles, and dummies that go."""
    assert answer(References, letters) == shown


def test_a_truncated_list_of_references_is_corrected():
    """RFC 5256 3, step 1.B: a letter's own last reference is its parent, whatever a later one left out."""
    letters = [
        letter(message_id="a@x"),
        letter(message_id="d@x", references=("a@x", "c@x")),
        letter(message_id="b@x", references=("a@x",)),
        letter(message_id="c@x", references=("a@x", "b@x")),
    ]
    assert answer(References, letters) == "(1 3 4 2)"


@pytest.mark.parametrize(
    ("subjects", "shown"),
    [
        (["Plan", "Re: Plan"], "(1 2)"),
        (["Re: Plan", "Plan"], "(2 1)"),
        (["Plan", "Plan"], "((1)(2))"),
        (["Re: Plan", "Re: Plan"], "((1)(2))"),
        (["Plan", "Plan", "Re: plan"], "((1)(2)(3))"),
        (["Re: Plan", "Plan", "Fwd: PLAN", "Other"], "(2 (1)(3))(4)"),
        (["", "", "Re:"], "(1)(2)(3)"),
        (["straße", "Re: STRASSE"], "(1)(2)"),
        (["ÉTÉ", "Re: été"], "(1 2)"),
    ],
)
def test_threads_of_one_subject_are_gathered(subjects, shown):
    """RFC 5256 3, step 5: with base subjects, and i;unicode-casemap."""
    assert answer(References, [letter(about) for about in subjects]) == shown


def test_threads_without_a_root_are_gathered():
    """RFC 5256 3, step 5.C: two dummies become one; a letter joins a dummy's children."""
    letters = [
        letter("Plan", message_id="1@x", references=("gone@x",)),
        letter("Re: Plan", message_id="2@x", references=("gone@x",)),
        letter("Plan", message_id="3@x", references=("lost@x",)),
        letter("Re: Plan", message_id="4@x", references=("lost@x",)),
        letter("Re: Plan", message_id="5@x"),
    ]
    assert answer(References, letters) == "((1)(2)(3)(4)(5))"


def test_threads_are_in_the_order_of_their_dates():
    """RFC 5256 3, steps 4 and 6: by sent date, a dummy by its first child; then by number."""
    letters = [
        letter(message_id="1@x", date=30.0),
        letter(message_id="2@x", references=("gone@x",), date=20.0),
        letter(message_id="3@x", references=("gone@x",), date=10.0),
        letter(message_id="4@x", date=15.0),
        letter(message_id="5@x", references=("4@x",), date=18.0),
        letter(message_id="6@x", references=("4@x",), date=17.0),
    ]
    assert answer(References, letters) == "((3)(2))(4 (6)(5))(1)"


@pytest.mark.parametrize(
    ("letters", "shown"),
    [
        ([], ""),
        ([letter("a"), letter("Re: A"), letter("fwd: a"), letter("b")], "(1 (2)(3))(4)"),
        ([letter("b", date=9.0), letter("a", date=8.0), letter("b", date=1.0)], "(3 1)(2)"),
        ([letter("a"), letter("a")], "(1 2)"),
    ],
)
def test_orderedsubject(letters, shown):
    """RFC 5256 3: one thread for each base subject, its first letter above all others; threads by date."""
    assert answer(OrderedSubject, letters) == shown


# ── the same by the letter of the RFC, for few letters ──


@dataclass(eq=False)
class Node:
    number: int = 0
    sent: float = 0.0
    base: str = ""
    reply: bool = False
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)


def slowly(letters: list[Summary]) -> str:
    """Step by step, recursively."""
    known: dict[str, Node] = {}
    nodes: list[Node] = []

    def node_of(name: str) -> Node:
        if name not in known:
            known[name] = Node()
            nodes.append(known[name])
        return known[name]

    def above(node: Node | None, wanted: Node) -> bool:
        return node is not None and (node is wanted or above(node.parent, wanted))

    for number, about in enumerate(letters, 1):
        mine = node_of(about.message_id) if about.message_id else node_of(f"own {number}")
        if mine.number:
            mine = node_of(f"own {number}")
        mine.number, mine.sent, mine.base, mine.reply = (
            number,
            about.date or float(number),
            about.base.upper(),
            about.reply,
        )
        last = None
        for name in about.references:
            here = node_of(name)
            if last is not None and here.parent is None and not above(last, here):
                here.parent = last
            last = here
        if mine.parent is not last:
            mine.parent = None
            if last is not None and not above(last, mine):
                mine.parent = last
    root = Node()
    for node in nodes:
        (node.parent or root).children.append(node)

    def prune(node: Node) -> None:
        kept: list[Node] = []
        for child in node.children:
            prune(child)
            if child.number or (node is root and len(child.children) > 1):
                kept.append(child)
            else:
                kept += child.children
        node.children = kept

    prune(root)

    def age(node: Node) -> tuple[float, int]:
        return (node.sent, node.number) if node.number else age(node.children[0])

    def sort(node: Node) -> None:
        for child in node.children:
            sort(child)
        node.children.sort(key=age)

    sort(root)

    def base(node: Node) -> str:
        return node.base if node.number else node.children[0].base

    table: dict[str, Node] = {}
    for node in root.children:
        if base(node):
            old = table.get(base(node))
            if old is None or (old.number and (not node.number or (old.reply and not node.reply))):
                table[base(node)] = node
    for node in list(root.children):
        old = table.get(base(node))
        if node not in root.children or old is None or old is node:
            continue
        root.children.remove(node)
        if not node.number and not old.number:
            old.children += node.children
        elif not old.number or (node.reply and not old.reply):
            old.children.append(node)
        else:
            root.children.remove(old)
            dummy = Node(children=[old, node])
            root.children.append(dummy)
            table[base(node)] = dummy
    sort(root)

    def shown(node: Node) -> str:
        own = str(node.number) if node.number else ""
        if len(node.children) == 1:
            return f"{own} {shown(node.children[0])}"
        below = "".join(f"({shown(child)})" for child in node.children)
        return own + (" " if own and below else "") + below

    return "".join(f"({shown(node)})" for node in root.children)


IDS = st.sampled_from(["a@x", "b@x", "c@x", "d@x", "e@x", "f@x", "g@x"])
LETTERS = st.lists(
    st.builds(
        letter,
        st.sampled_from(["", "One", "Re: one", "Two", "Fwd: two"]),
        message_id=IDS | st.just(""),
        references=st.lists(IDS, max_size=4).map(tuple),
        date=st.none() | st.sampled_from([1.5, 2.5, 3.5]),
    ),
    max_size=9,
)


@given(LETTERS)
def test_threads_are_those_of_the_rfc(letters):
    """Whatever the references, dates and subjects: the same trees as by the six steps, one after the other."""
    assert answer(References, letters) == slowly(letters)


# ── many and deep ──


def run(kind: type, letters: list[Summary]) -> bytes:
    threading = kind()
    for number, about in enumerate(letters, 1):
        threading.add(number, received=float(number), summary=about)
    return thread(threading.forest())


@pytest.mark.parametrize("turn", [list, lambda chain: chain[::-1], lambda chain: sorted(chain, key=str)])
def test_a_chain_of_10000_letters(turn):
    """CASES G13: each with its last hundred references, in any order of arrival: one thread, as deep, and not slow."""
    chain = [
        letter(
            message_id=f"{n:05}@x",
            references=tuple(f"{m:05}@x" for m in range(max(n - 100, 0), n)),
            date=float(n + 1),
        )
        for n in range(10_000)
    ]
    letters = turn(chain)
    found = run(References, letters)
    assert found.count(b"(") == 1
    assert found.count(b" ") == 10_001
    assert within(6, lambda: run(References, letters), times=1)


def test_100000_references():
    """CASES G13: a thousand letters that name a hundred ids each, all different."""
    letters = [
        letter(message_id=f"own{n}@x", references=tuple(f"{n}.{m}@x" for m in range(100)))
        for n in range(1000)
    ]
    assert within(3, lambda: run(References, letters), times=1)
    assert run(References, letters).count(b"(") == 1000


def test_a_mailbox_made_to_cost_walks():
    """Links hung below a deep chain, cut, and hung there again: each has to be checked for a circle, and few are."""
    deep = [letter(message_id=f"{n}@x", references=(f"{n - 1}@x",) if n else ()) for n in range(10_000)]
    hung = []
    for n in range(5000):
        hung += [
            letter(references=(f"c{n}@x",)),
            letter(references=("9999@x", f"c{n}@x")),
            letter(message_id=f"c{n}@x"),
            letter(references=("9999@x", f"c{n}@x")),
        ]
    assert within(3, lambda: run(References, deep + hung), times=1)


@pytest.mark.parametrize("kind", [References, OrderedSubject])
def test_one_subject_for_50000_letters(kind):
    """A log that mails: one thread, without quadratic work."""
    letters = [letter("disk full", message_id=f"{n}@x") for n in range(50_000)]
    assert within(6, lambda: run(kind, letters), times=1)

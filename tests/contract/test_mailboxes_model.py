"""The real mailboxes against the memory model: random walks through what people do to them end in the same place.

MODSEQs may be other numbers in another store. What they are for has to be the same: which entries changed since a moment
that both have seen.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contract.mailboxes import large, letter, make_mailboxes, words
from yubin.errors import Failure
from yubin.mailboxes import flags
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import JUNK, Delivered, How, Stored, Want, Where, Word

ALL = Want.ENVELOPE | Want.STRUCTURE | Want.SUMMARY | Want.BODY
WHO = st.sampled_from([0, 0, 0, 1])
BOX = st.integers(0, 9)
UIDS = st.lists(st.integers(1, 12), max_size=6)
NAME = st.sampled_from(["a", "a/b", "a/b/b", "b", "Junk", "INBOX/x", "ab", "日本", "a/a"])
FLAGS = st.frozensets(
    st.sampled_from(["\\Seen", "\\Deleted", "\\seen", "\\Flagged", "$K", "$k", "news", "日本", "\\Recent"]),
    max_size=4,
)
MANY = st.sampled_from([frozenset(f"k{part}{n}" for n in range(29)) for part in "ab"])
QUOTA = st.sampled_from([0, 0, 0, 40, 250_000])
ONE = st.tuples(
    WHO,
    st.one_of(st.none(), st.none(), BOX),
    st.sampled_from(["", JUNK, "\\Flagged"]),
    FLAGS,
    QUOTA,
    st.integers(0, 3),
)
DELIVER = st.tuples(st.just("deliver"), st.lists(ONE, min_size=1, max_size=4))
TEXT = st.sampled_from(["tea", "te", "teapot", "東京", "東"])
WORDS = st.lists(
    st.builds(lambda text, prefix, where: Word(text=text, prefix=prefix, where=where), TEXT, st.booleans(),
              st.sampled_from(list(Where))), max_size=3,
)  # fmt: skip
STEP = st.one_of(
    DELIVER,
    DELIVER,
    st.tuples(st.just("again"), BOX),
    st.tuples(st.just("create"), WHO, NAME, st.sampled_from(["", "", "\\Flagged"])),
    st.tuples(st.just("rename"), WHO, BOX, NAME),
    st.tuples(st.just("delete"), WHO, BOX),
    st.tuples(st.just("subscribe"), WHO, NAME, st.booleans()),
    st.tuples(st.just("select"), WHO, BOX),
    st.tuples(st.just("store"), WHO, BOX, UIDS, st.sampled_from(How), st.one_of(FLAGS, FLAGS, MANY), st.one_of(st.none(), BOX)),
    st.tuples(st.just("store"), WHO, st.just(0), UIDS, st.just(How.ADD), FLAGS, st.none()),
    st.tuples(st.just("copy"), WHO, BOX, UIDS, BOX, st.booleans(), QUOTA),
    st.tuples(st.just("copy"), WHO, st.just(0), UIDS, BOX, st.booleans(), st.just(0)),
    st.tuples(st.just("expunge"), WHO, BOX, st.one_of(st.none(), UIDS), st.booleans()),
    st.tuples(st.just("index"), st.integers(1, 5), TEXT, TEXT),
    st.tuples(st.just("index_again"), BOX, TEXT),
    st.tuples(st.just("match"), WHO, BOX, WORDS),
    st.tuples(st.just("lease"), WHO, st.sampled_from(["x", "y", "z"]), st.integers(1, 2)),
    st.tuples(st.just("release"), WHO, st.sampled_from(["x", "y"])),
    st.tuples(st.just("sleep"), st.sampled_from([1.0, 70.0, 86400.0 * 8, 86400.0 * 31])),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("forget"), WHO),
)  # fmt: skip
STEPS = st.builds(
    lambda first, rest: [*first, *rest], st.tuples(DELIVER, DELIVER), st.lists(STEP, min_size=8, max_size=24)
)
WALKS = count(1)


class Walk:
    """Takes each step in both stores and compares what they answer, and what can be seen after it."""

    def __init__(self, world):
        self.world, self.model = world, MemoryMailboxes(clock=lambda: world.now)
        number = next(WALKS)
        self.accounts = [f"{number}-mari", f"{number}-ken"]
        self.letters = []
        self.moments = {}  # (account, mailbox id, uidvalidity) → [(MODSEQ there, MODSEQ in the model)]

    async def both(self, act, norm=lambda answer: answer):
        answers = []
        for store in (self.world.plain, self.model):
            try:
                answers.append(norm(await act(store)))
            except Failure as failure:
                answers.append(_plain(failure))
        assert answers[0] == answers[1]
        return answers[0]

    async def take(self, step):
        await getattr(self, step[0])(*step[1:])
        await self.compare()

    async def box(self, who, which):
        """A mailbox' id, now and then that of none."""
        states = sorted(await self.model.mailboxes(self.accounts[who]), key=lambda state: state.id)
        return states[which].id if which < len(states) else 99

    async def deliver(self, asked):
        batch = []
        for who, which, use, marks, quota, kind in asked:
            shared = [x for x in self.letters if x.object and x.account != self.accounts[who]]
            taken = {x.letter_id for x in [*self.letters, *batch] if x.account == self.accounts[who]}
            shared = [x.letter_id for x in shared if x.letter_id not in taken]
            new = (
                large(letter_id=shared[-1] if shared else None) if kind == 0 else letter(body=b"x" * kind * 3)
            )
            place = None if which is None else await self.box(who, which)
            batch.append(
                replace(
                    new,
                    account=self.accounts[who],
                    mailbox_id=place,
                    special_use=use,
                    flags=marks,
                    quota=quota,
                )
            )
        await self.both(
            lambda store: store.deliver(batch), lambda answers: [_plain(answer) for answer in answers]
        )
        self.letters += batch

    async def again(self, which):
        some = self.letters[which :: len(self.letters)][:1]
        await self.both(
            lambda store: store.deliver(some * 2), lambda answers: [_plain(answer) for answer in answers]
        )

    async def create(self, who, name, use):
        await self.both(lambda store: store.create(self.accounts[who], name, use), _plain)

    async def rename(self, who, which, name):
        id_ = await self.box(who, which)
        await self.both(lambda store: store.rename(self.accounts[who], id_, name), _plain)

    async def delete(self, who, which):
        id_ = await self.box(who, which)
        await self.both(lambda store: store.delete(self.accounts[who], id_))

    async def subscribe(self, who, name, on):
        await self.both(lambda store: store.subscribe(self.accounts[who], name, on))

    async def select(self, who, which):
        id_ = await self.box(who, which)
        await self.both(lambda store: store.select(self.accounts[who], id_), _plain)

    async def store(self, who, which, uids, how, marks, moment):
        account, id_ = self.accounts[who], await self.box(who, which)
        seen = [
            pair for (a, b, _), pairs in self.moments.items() if (a, b) == (account, id_) for pair in pairs
        ]
        since = (
            dict(zip((self.world.plain, self.model), seen[moment % len(seen)], strict=True))
            if seen and moment
            else {}
        )
        await self.both(
            lambda store: store.store(account, id_, uids, how, marks, unchanged_since=since.get(store)),
            _plain,
        )

    async def copy(self, who, which, uids, target, move, quota):
        source, target = await self.box(who, which), await self.box(who, target)
        await self.both(
            lambda store: store.copy(self.accounts[who], source, uids, target, move=move, quota=quota), _plain
        )

    async def expunge(self, who, which, uids, only_deleted):
        id_ = await self.box(who, which)
        await self.both(
            lambda store: store.expunge(self.accounts[who], id_, uids, only_deleted=only_deleted), _plain
        )

    async def index(self, limit, header, body):
        """Everything that waits is taken; some of it comes back with words."""
        taken = []
        for store in (self.world.plain, self.model):
            waiting = await store.to_index(10_000, 60)
            taken.append(
                [
                    x
                    for x in waiting
                    if x.account in self.accounts and await self.model.find(x.account, x.letter_id)
                ]
            )
        assert taken[0] == taken[1]
        await self.both(lambda store: store.index([words(x, header, body) for x in taken[0][:limit]]))

    async def index_again(self, which, text):
        some = self.letters[which :: len(self.letters)][:1]
        await self.both(lambda store: store.index([words(x, "", text) for x in some]))

    async def match(self, who, which, asked):
        id_ = await self.box(who, which)
        await self.both(lambda store: store.match(self.accounts[who], id_, asked), _plain)

    async def lease(self, who, owner, most):
        await self.both(lambda store: store.lease(self.accounts[who], "name", owner, 60, most=most))

    async def release(self, who, owner):
        await self.both(lambda store: store.release(self.accounts[who], "name", owner))

    async def sleep(self, seconds):
        await self.world.sleep(seconds)

    async def sweep(self):
        """Until nothing is left to sweep, whatever the order."""
        names = {x.object for x in self.letters if x.object}
        swept = [
            [name for _ in range(3) for name in await store.sweep(10_000) if name in names]
            for store in (self.world.plain, self.model)
        ]
        assert len(swept[0]) == len(set(swept[0]))
        assert set(swept[0]) == set(swept[1])
        await self.both(lambda store: store.objects_known(sorted(names)))

    async def forget(self, who):
        await self.both(lambda store: store.forget(self.accounts[who]))
        self.letters = [x for x in self.letters if x.account != self.accounts[who] or not x.object]

    async def compare(self):
        await self.both(lambda store: store.usage(self.accounts))
        for account in self.accounts:
            states = [await store.mailboxes(account) for store in (self.world.plain, self.model)]
            assert [_plain(state) for state in states[0]] == [_plain(state) for state in states[1]]
            for real, model in zip(*states, strict=True):
                await self._compare(account, real, model)

    async def _compare(self, account, real, model):
        stores = (self.world.plain, self.model)
        views = [_seen(await store.view(account, real.id)) for store in stores]
        assert views[0] == views[1]
        moments = self.moments.setdefault((account, real.id, real.uidvalidity), [])
        for pair in moments[-2:]:
            news = [
                await store.view(account, real.id, since=since)
                for store, since in zip(stores, pair, strict=True)
            ]
            assert _seen(news[0]) == _seen(news[1])
        if (real.modseq, model.modseq) not in moments:
            moments.append((real.modseq, model.modseq))

    async def end(self):
        """Every letter, wherever it lies."""
        for account in self.accounts:
            await self.both(lambda store, a=account: store.subscriptions(a))
            for state in await self.model.mailboxes(account):
                await self.both(
                    lambda store, a=account, id_=state.id: store.rows(a, id_, range(1, 99), ALL), list
                )
            for one in self.letters:
                await self.both(lambda store, a=account, x=one: store.find(a, x.letter_id))
        live = {x.object for x in self.letters if x.object and await self.model.find(x.account, x.letter_id)}
        assert live <= await self.world.plain.objects_known(sorted(live))


def _plain(answer):
    """Without the numbers that may differ, and with lists for whatever sequences there are."""
    if isinstance(answer, Failure):
        return (type(answer), answer.code, answer.enhanced)
    if isinstance(answer, Delivered):
        return replace(answer, modseq=0)
    values = {
        name: value if isinstance(value, str) else _listed(value) for name, value in vars(answer).items()
    }
    if isinstance(answer, Stored):
        values["modseqs"] = [modseq == answer.modseq for modseq in answer.modseqs]
    return {name: value for name, value in values.items() if name not in ("modseq", "expunged_floor")}


def _listed(value):
    return value if value is None or isinstance(value, (int, float)) else list(value)


def _seen(view):
    marks = [flags.names(bits, view.keywords) for bits in view.flags]
    gone = None if view.expunged is None else list(view.expunged)
    return _plain(view.state), view.keywords, list(view.uids), marks, list(view.sizes), gone, view.more


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 40), ("postgres", 12)])
def test_random_walks_end_where_the_model_says(request, tmp_path, kind, examples):
    """Whatever is done in whatever order: same answers, same mailboxes, same news, and counters that are exact."""
    with asyncio.Runner() as runner:
        making = make_mailboxes(request, kind, tmp_path)
        world = runner.run(making.__aenter__())

        async def walk(steps):
            going = Walk(world)
            for step in steps:
                await going.take(step)
            await going.end()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],  # shrinking takes longer than a test may
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(STEPS)
        def explore(steps):
            runner.run(walk(steps))

        try:
            explore()
        finally:
            runner.run(making.__aexit__(None, None, None))

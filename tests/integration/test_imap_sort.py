"""SORT and THREAD (RFC 5256, RFC 5267): the order of letters, by what is kept beside them."""

from tests.integration.imap import ALICE
from tests.integration.imap_letters import keep, mail


def dated(day, subject, **fields):
    return mail(subject, date=f"{day} Feb 1994 12:00:00 +0000", **fields)


async def three(house):
    """By date 3, 1, 2; by subject 2, 3, 1."""
    await keep(house, dated(5, "zebra", from_="b@x.example"), received=3.0)
    await keep(house, dated(9, "Re: apple", from_="a@x.example"), received=2.0)
    await keep(house, dated(2, "[list] Fwd: mango", from_="c@x.example"), received=1.0)


async def test_sort(house):
    """RFC 5256 3: by base subject, sent date, sender, arrival, size; REVERSE; the search limits it; UIDs for UID SORT."""
    await keep(house, mail("gone"))
    await house.mailboxes.expunge(ALICE, 1, [1], only_deleted=False)
    await three(house)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("SORT (SUBJECT) UTF-8 ALL") == ["* SORT 2 3 1"]
        assert await talk.ok("SORT (DATE) US-ASCII ALL") == ["* SORT 3 1 2"]
        assert await talk.ok("SORT (REVERSE DATE) UTF-8 ALL") == ["* SORT 2 1 3"]
        assert await talk.ok("SORT (FROM SUBJECT) UTF-8 1,3") == ["* SORT 1 3"]
        assert await talk.ok("UID SORT (ARRIVAL) UTF-8 ALL") == ["* SORT 4 3 2"]
        assert await talk.ok("SORT (SIZE) UTF-8 SUBJECT e") == ["* SORT 1 2"]
        assert await talk.ok("SORT (DATE) UTF-8 SEEN") == ["* SORT"]
        assert "letters" not in {name for name, _ in house.calls}
        assert (await talk.no("SORT (MOOD) UTF-8 ALL")).startswith("BAD")
        assert (await talk.no("SORT (DATE) X-KLINGON ALL")).startswith("NO [BADCHARSET")


async def test_sort_by_what_is_displayed(house):
    """RFC 5957: SORT=DISPLAY is announced; the name of the first sender or recipient, decoded, or else the address."""
    await keep(house, mail("1", from_="zed <a@x.example>", to="Bob <z@x.example>, Anna <a@x.example>"))
    await keep(house, mail("2", from_="b@x.example", to="anna@x.example"))
    await keep(house, mail("3", from_="=?utf-8?B?w4VuZ3N0csO2bQ==?= <c@x.example>", to="Team: q@x.example;"))
    await keep(house, mail("4", from_='"" <d@x.example>'))
    async with house.session() as talk:
        (said,) = await talk.ok("CAPABILITY")
        assert "SORT=DISPLAY" in said.split()
        await talk.ok("SELECT INBOX")
        assert await talk.ok("SORT (FROM) UTF-8 ALL") == ["* SORT 1 2 3 4"]
        assert await talk.ok("SORT (DISPLAYFROM) UTF-8 ALL") == ["* SORT 3 2 4 1"]
        assert await talk.ok("UID SORT (DISPLAYTO SUBJECT) UTF-8 ALL") == ["* SORT 4 2 1 3"]
        assert await talk.ok("SORT (REVERSE DISPLAYTO) UTF-8 2:3") == ["* SORT 3 2"]


async def test_sort_with_return_options(house):
    """RFC 5267 3, RFC 9394: MIN is the first, ALL keeps the order, PARTIAL is a page; SAVE keeps what was found."""
    await three(house)
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        talk._tags = 0
        assert await talk.ok("SORT RETURN (MIN MAX COUNT ALL) (SUBJECT) UTF-8 ALL") == [
            '* ESEARCH (TAG "a1") MIN 2 MAX 1 COUNT 3 ALL 2:3,1'
        ]
        assert await talk.ok("UID SORT RETURN (PARTIAL 1:2) (DATE) UTF-8 ALL") == [
            '* ESEARCH (TAG "a2") UID PARTIAL (1:2 3,1)'
        ]
        await talk.ok("SORT RETURN (SAVE) (DATE) UTF-8 NOT 1")
        assert await talk.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]


async def test_thread(house):
    """RFC 5256 4: by references, with a letter that is not here holding two together; by subject."""
    await keep(
        house,
        dated(1, "plan", message_id="<1@x>"),
        dated(2, "Re: plan", message_id="<2@x>", references="<1@x>"),
        dated(3, "Re: plan", message_id="<3@x>", references="<1@x> <2@x>"),
        dated(4, "Re: plan", message_id="<4@x>", references="<1@x>"),
        dated(5, "other", message_id="<5@x>", references="<lost@x>"),
        dated(6, "Re: other", message_id="<6@x>", references="<lost@x>"),
    )
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        assert await talk.ok("THREAD REFERENCES UTF-8 ALL") == ["* THREAD (1 (2 3)(4))((5)(6))"]
        assert await talk.ok("UID THREAD ORDEREDSUBJECT UTF-8 ALL") == ["* THREAD (1 (2)(3)(4))(5 6)"]
        assert await talk.ok("THREAD REFERENCES UTF-8 SEEN") == ["* THREAD"]
        assert (await talk.no("THREAD MAGIC UTF-8 ALL")).startswith("BAD")

"""What APPEND took, what BODYSTRUCTURE says of it and what FETCH gives of it always agree, for every odd letter."""

from tests.conformance.odd_letters import load, names
from tests.integration.imap_letters import fetch
from yubin.imap.bodies import shown


def parts(body, prefix=()):
    """(path, its size, whether a letter lies inside) of all that BODYSTRUCTURE names (RFC 9051 6.4.5.1)."""
    if isinstance(body[0], list):
        children = [one for one in body if isinstance(one, list)]
        count = next(n for n, one in enumerate(body) if not isinstance(one, list))
        for number, child in enumerate(children[:count], 1):
            yield from part(child, (*prefix, number))
    else:
        yield from part(body, (*prefix, 1))


def part(body, path):
    if isinstance(body[0], list):
        yield path, None, False
        yield from parts(body, path)
        return
    inside = body[0].lower() == b"message" and len(body) > 8 and isinstance(body[8], list)
    yield path, body[6], inside
    if inside:
        yield from parts(body[8], path)


async def append(talk, letter):
    talk.send(b"x APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
    return (await talk.until("x "))[-1]


async def test_every_part_that_bodystructure_names_has_the_size_that_it_says(house):
    """CASES G12: APPEND in = BODY[] out; BODY[HEADER] and BODY[TEXT] make it up; each part is there and as long as said."""
    wrong = []
    async with house.session() as talk:
        await talk.ok("SELECT INBOX")
        for name in names():
            raw = load(name).raw
            if not raw:
                continue
            assert (await append(talk, raw)).startswith("x OK"), name
            wrong += [f"{name}: {what}" for what in await disagreements(talk, raw)]
    assert not wrong, wrong


async def disagreements(talk, raw):
    asked = "(RFC822.SIZE BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT])"
    [(_, about)], last = await fetch(talk, f"FETCH * {asked}")
    assert last.startswith("OK"), last
    found = []
    if about["BODY[]"] != shown(raw):
        found.append("BODY[] is another letter")
    if about["BODY[HEADER]"] + about["BODY[TEXT]"] != about["BODY[]"]:
        found.append("HEADER and TEXT are not the letter")
    if about["RFC822.SIZE"] != len(raw):
        found.append("RFC822.SIZE")
    named = list(parts(about["BODYSTRUCTURE"]))
    items = [f"BODY.PEEK[{dotted(path)}] BODY.PEEK[{dotted(path)}.MIME]" for path, _, _ in named]
    items += [
        f"BODY.PEEK[{dotted(path)}.HEADER] BODY.PEEK[{dotted(path)}.TEXT]"
        for path, _, inside in named
        if inside
    ]
    got = {}
    for start in range(0, len(items), 50):
        [(_, some)], last = await fetch(talk, f"FETCH * ({' '.join(items[start : start + 50])})")
        got |= some
    for path, size, inside in named:
        body = got[f"BODY[{dotted(path)}]"]
        if body is None or got[f"BODY[{dotted(path)}.MIME]"] is None:
            found.append(f"{dotted(path)} is named and not there")
        elif size is not None and len(body) != size:
            found.append(f"{dotted(path)} has {len(body)} octets and not {size}")
        elif inside and got[f"BODY[{dotted(path)}.HEADER]"] + got[f"BODY[{dotted(path)}.TEXT]"] != body:
            found.append(f"{dotted(path)}: HEADER and TEXT are not the letter inside")
    return found


def dotted(path):
    return ".".join(map(str, path))

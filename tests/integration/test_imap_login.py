"""IMAP before and at the login: what is announced, TLS, who gets in, and what a stranger's input costs."""

import asyncio
import base64
import imaplib

from tests.integration.imap import ALICE, BOB, PASSWORD, Talk
from yubin.errors import Unavailable

PLAIN = base64.b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()


async def test_the_greeting_says_what_is_possible(house):
    """RFC 9051 7.1: capabilities in the greeting: in clear STARTTLS and no login, behind TLS the mechanisms."""
    async with house.imap() as imap:
        async with Talk(imap.clear) as talk:
            assert talk.greeting.startswith("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 ")
            assert {"STARTTLS", "LOGINDISABLED"} <= set(talk.greeting.split("]")[0].split())
            assert "AUTH=" not in talk.greeting
        async with imap.client() as talk:
            assert {"AUTH=PLAIN", "AUTH=LOGIN", "SASL-IR"} <= set(talk.greeting.split("]")[0].split())
            assert "LOGINDISABLED" not in talk.greeting
            assert (await talk.ok("CAPABILITY"))[0] == "* " + talk.greeting[6:].split("]")[0]


async def test_nobody_logs_in_without_tls(house):
    """RFC 9051 11.1: refused before the directory hears of it, with a code that says why."""
    async with house.imap() as imap, Talk(imap.clear) as talk:
        assert (await talk.no(f'LOGIN {ALICE} "{PASSWORD}"')).startswith("NO [PRIVACYREQUIRED] ")
        assert (await talk.no(f"AUTHENTICATE PLAIN {PLAIN}")).startswith("NO [PRIVACYREQUIRED] ")
        assert house.doorman.asked == []


async def test_starttls_and_then_the_login(house):
    """RFC 9051 6.2.1: behind it the mechanisms are announced, and STARTTLS is not any longer."""
    async with house.imap() as imap, Talk(imap.clear) as talk:
        await talk.starttls(house.trust)
        (line,) = await talk.ok("CAPABILITY")
        assert "STARTTLS" not in line
        assert "AUTH=PLAIN" in line
        assert (await talk.no("STARTTLS")).startswith("BAD ")
        await talk.ok(f'LOGIN {ALICE} "{PASSWORD}"')


async def test_what_came_in_clear_does_not_survive_starttls(house):
    """CASES E2's neighbour: commands that somebody put behind STARTTLS are never obeyed."""
    async with house.imap() as imap, Talk(imap.clear) as talk:
        talk.send(b"a STARTTLS\r\nb NOOP\r\nc XY")
        assert (await talk.line()).startswith("a OK ")
        await talk.writer.start_tls(house.trust, server_hostname="localhost")
        assert (await talk.say("CAPABILITY"))[-1].startswith("OK ")


async def test_login_tells_the_capabilities_of_who_is_inside(house):
    """RFC 9051 7.1: in the tagged OK; no mechanism is among them any longer, and a second login is out of order."""
    async with house.imap() as imap, imap.client() as talk:
        last = (await talk.say(f"LOGIN {ALICE} {{{len(PASSWORD)}+}}\r\n{PASSWORD}"))[-1]
        inside = set(last.split("[CAPABILITY ")[1].split("]")[0].split())
        assert {
            "IDLE",
            "QRESYNC",
            "NOTIFY",
            "COMPRESS=DEFLATE",
            "QUOTA",
            "SPECIAL-USE",
            "UNAUTHENTICATE",
        } <= inside
        assert not [name for name in inside if name.startswith(("AUTH", "START", "LOGIN"))]
        assert (await talk.no(f"LOGIN {ALICE} x")).startswith("BAD ")


async def test_authenticate_in_every_shape(house):
    """RFC 9051 6.2.2, RFC 4959: with an initial response, after a challenge, by LOGIN's two questions."""
    async with house.imap() as imap:
        async with imap.client() as talk:
            assert (await talk.say(f"AUTHENTICATE PLAIN {PLAIN}"))[-1].startswith("OK [CAPABILITY ")
        async with imap.client() as talk:
            talk.send("a AUTHENTICATE PLAIN")
            assert await talk.line() == "+ "
            talk.send(PLAIN)
            assert (await talk.line()).startswith("a OK ")
        async with imap.client() as talk:
            talk.send("a AUTHENTICATE LOGIN")
            for asked, answer in (("Username:", ALICE), ("Password:", PASSWORD)):
                assert base64.b64decode((await talk.line())[2:]).decode() == asked
                talk.send(base64.b64encode(answer.encode()).decode())
            assert (await talk.line()).startswith("a OK ")


async def test_authenticate_that_leads_nowhere(house):
    """RFC 9051 6.2.2: "*" cancels, what is no base64 is BAD, an unknown mechanism NO; the session goes on."""
    async with house.imap() as imap, imap.client() as talk:
        for answer in ("*", "!!!", "a\0b"):
            talk.send("a AUTHENTICATE PLAIN")
            assert await talk.line() == "+ "
            talk.send(answer)
            assert (await talk.line()).startswith("a BAD ")
        assert (await talk.no("AUTHENTICATE NTLM")).startswith("NO ")
        await talk.ok(f"AUTHENTICATE PLAIN {PLAIN}")


async def test_wrong_passwords_end_the_connection(house):
    """RFC 5530: [AUTHENTICATIONFAILED] three times, then BYE; nothing of what was said comes back."""
    async with house.imap() as imap, imap.client() as talk:
        for _ in range(3):
            assert (await talk.no(f"LOGIN {ALICE} xyzzy")).startswith("NO [AUTHENTICATIONFAILED] ")
        rest = (await talk.ended()).decode()
        assert rest.startswith("* BYE ")
        assert "xyzzy" not in rest


async def test_a_directory_that_is_away_is_no_wrong_password(house):
    """NO [UNAVAILABLE], and the next login works."""
    async with house.imap() as imap, imap.client() as talk:
        house.doorman.away = True
        assert (await talk.no(f'LOGIN {ALICE} "{PASSWORD}"')).startswith("NO [UNAVAILABLE] ")
        house.doorman.away = False
        await talk.ok(f'LOGIN {ALICE} "{PASSWORD}"')


async def test_too_many_sessions_of_one_user(house):
    """CASES H12: over all gateways, the next one is NO [LIMIT]; another user gets in; who leaves makes room."""
    async with (
        house.imap(per_user=2) as one,
        house.imap(per_user=2) as other,
        one.session(),
        other.session() as second,
    ):
        async with one.client() as talk:
            assert (await talk.no(f'LOGIN {ALICE} "{PASSWORD}"')).startswith("NO [LIMIT] ")
            await talk.ok(f'LOGIN {BOB} "{PASSWORD}"')
        await second.ok("LOGOUT")
        await second.ended()
        async with asyncio.timeout(5), one.client() as talk:
            while not (await talk.say(f'LOGIN {ALICE} "{PASSWORD}"'))[-1].startswith("OK "):
                await asyncio.sleep(0.05)


async def test_a_login_waits_for_a_mailbox_pod(house):
    """A pod that is being replaced is a pause: two calls fail, the third one lets the client in."""
    house.trouble["lease"] = [Unavailable("away"), Unavailable("away")]
    async with house.imap() as imap, imap.session():
        assert len(house.made("lease")) == 3


async def test_huge_literals_before_login(house):
    """CASES H1: none is waited for, none costs memory: BAD or BYE at once, also where ten thousand small ones come."""
    async with house.imap() as imap:
        for literal in ("{4294967295}", "{100000000000000000000}", "{-1}"):
            async with imap.client() as talk:
                talk.send(f"a LOGIN {literal}")
                assert (await talk.line()).startswith(("a BAD ", "* BAD ", "* BYE "))
        async with imap.client() as talk:
            talk.send(b"a LOGIN " + b"{1+}\r\nx " * 10_000 + b"\r\n")
            assert (await talk.line()).startswith(("a BAD ", "* BYE "))


async def test_literals_that_do_not_wait_before_login(house):
    """CASES H2: LOGIN {1000000+} is not swallowed without a bound, 5,000 octets are told [TOOBIG] or BYE."""
    async with house.imap() as imap:
        for size in (1_000_000, 5_000):
            async with imap.client() as talk:
                talk.send(f"a LOGIN {{{size}+}}")
                line = await talk.line()
                assert line.startswith("* BYE ") or "[TOOBIG]" in line, line


async def test_who_says_nothing_is_sent_away(house):
    """RFC 9051 5.4: BYE after the login time, whatever else was said meanwhile."""
    async with house.imap(login_timeout=0.3) as imap, imap.client() as talk:
        await talk.ok("NOOP")
        assert (await talk.ended()).startswith(b"* BYE ")


async def test_commands_before_login_are_counted(house):
    """A stranger cannot keep the server busy for as long as a login may take."""
    async with house.imap() as imap, imap.client() as talk:
        talk.send(b"a NOOP\r\n" * 1000)
        assert (await talk.ended()).count(b"a OK") == 100


async def test_many_errors_end_the_connection(house):
    """Twenty bad commands in a row are no mail program's; one good command begins the count anew."""
    async with house.session() as talk:
        for _ in range(2):
            for _ in range(19):
                await talk.no("XYZZY")
            await talk.ok("NOOP")
        talk.send(b"a XYZZY\r\n" * 30)
        assert (await talk.ended()).count(b"a BAD") == 20


async def test_commands_out_of_their_state(house):
    """RFC 9051 3: FETCH without a mailbox, SELECT without a login: BAD, and nothing is asked of anybody."""
    async with house.imap() as imap, imap.client() as talk:
        for command in ("SELECT INBOX", 'LIST "" *', "IDLE", "CLOSE"):
            assert (await talk.no(command)).startswith("BAD ")
        assert house.calls == []


async def test_id_and_logout(house):
    """RFC 2971, RFC 9051 6.1.3: the server says its name; BYE comes before the OK, and then the end."""
    async with house.session() as talk:
        assert await talk.ok('ID ("name" "test" "version" NIL)') == ['* ID ("name" "Yubin")']
        assert await talk.say("LOGOUT") == ["* BYE Goodbye", "OK LOGOUT completed"]
        assert await talk.ended() == b""


async def test_unauthenticate(house):
    """RFC 8437: back to the beginning: nothing selected, nothing enabled, another user may log in."""
    await house.deliver(b"Subject: a\r\n\r\n")
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("ENABLE IMAP4rev2")
        await talk.ok("SELECT INBOX")
        await talk.ok("UNAUTHENTICATE")
        assert (await talk.no("NOOP XY")).startswith("BAD ")
        assert (await talk.no("SELECT INBOX")).startswith("BAD ")
        await talk.ok(f'LOGIN {BOB} "{PASSWORD}"')
        lines = await talk.ok("SELECT INBOX")
        assert "* 0 EXISTS" in lines
        assert "* 0 RECENT" in lines  # IMAP4rev2 is off again


async def test_a_session_that_ended_elsewhere(house):
    """An account that is disabled: BYE, when the tokens are renewed."""
    async with house.imap() as imap, imap.session() as talk:
        house.renewals.ended.add(ALICE)
        imap.now = lambda: asyncio.get_running_loop().time() + 400
        await imap.passes.renew()
        assert (await talk.ended()).startswith(b"* BYE [AUTHENTICATIONFAILED] ")


async def test_a_gateway_that_stops(house):
    """BYE to who waits, also to who idles and who comes now."""
    async with house.imap() as imap, imap.session() as talk, imap.session() as idle:
        await idle.ok("SELECT INBOX")
        await idle.idle()
        stopping = asyncio.create_task(imap.stop())
        assert (await talk.ended()).startswith(b"* BYE [UNAVAILABLE] ")
        assert (await idle.ended()).startswith(b"* BYE [UNAVAILABLE] ")
        await stopping


async def test_imaplib(house):
    """Python's own client, over STARTTLS and over TLS: login, select, list, logout."""
    await house.deliver(b"Subject: a\r\n\r\n")

    def visit(imap, port, implicit):
        if implicit:
            client = imaplib.IMAP4_SSL("localhost", port, ssl_context=house.trust)
        else:
            client = imaplib.IMAP4("localhost", port)
            client.starttls(house.trust)
        client.login(ALICE, PASSWORD)
        assert client.select("INBOX") == ("OK", [b"1"])
        assert client.noop()[0] == "OK"
        assert len(client.list()[1]) == 6
        assert client.status("INBOX", "(MESSAGES UNSEEN)") == ("OK", [b"INBOX (MESSAGES 1 UNSEEN 1)"])
        client.logout()

    async with house.imap() as imap:
        await asyncio.to_thread(visit, imap, imap.clear, False)
        await asyncio.to_thread(visit, imap, imap.tls, True)

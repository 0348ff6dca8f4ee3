"""SASL over real pods: other people's clients log in by every mechanism, into every protocol."""

import asyncio
import os
import subprocess
import time
from base64 import b64decode, b64encode

import pytest
import pytest_asyncio

from tests.integration.directory import LIGHT, running
from tests.integration.gateway import GatewayPod
from tests.integration.mailbox import MailboxPod
from tests.integration.submission import SubmissionPod
from tests.servers.dialogue import Dialogue
from tests.servers.pop3_clients import tool
from tests.unit.accounts.tokens import AUDIENCE, ISSUER, confused, jwks, token, unsigned
from tests.unit.sasl.scram_client import ScramClient
from yubin.errors import Denied, Exhausted, Failure, Unauthenticated
from yubin.sasl.mechanisms import SERVER

ANNA, PASSWORD = "anna@a.example", "correct horse"
LETTER = b"From: anna@a.example\r\nTo: anna@a.example\r\nSubject: hi\r\n\r\nhello\r\n"
ALL = " ".join(SERVER)


class Town:
    """Directory, mailbox, gateway and submission, which announce every mechanism."""

    def __init__(self, folder, directory):
        self.folder, self.directory = folder, directory
        self.mailbox = MailboxPod(folder, directory)
        self.gateway = GatewayPod(folder, directory, self.mailbox.port, YUBIN_MECHANISMS=ALL)
        self.submission = SubmissionPod(folder, directory, YUBIN_MECHANISMS=ALL)
        self.app_password = ""

    async def open(self):
        async with self.directory.admin() as admin:
            await admin.create_tenant("acme")
            await admin.create_domain("acme", "a.example")
            await admin.update_domain("a.example", scram=True)
            await admin.create_account(ANNA, PASSWORD)
            await admin.create_account("bert@a.example", PASSWORD)
            _, self.app_password = await admin.add_app_password(ANNA, "printer", ["submission"])
        for pod in (self.mailbox, self.gateway, self.submission):
            pod.start()

    def close(self):
        for pod in (self.gateway, self.submission, self.mailbox):
            if pod.process is not None and pod.process.poll() is None:
                pod.process.kill()
                pod.process.wait(10)

    def logs(self):
        return self.directory.log + self.gateway.log + self.submission.log

    async def run(self, *command, given=b""):
        """(exit status, all that it says)."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}

        def wait():
            return subprocess.run(
                command, input=given, capture_output=True, timeout=60, env=environment, check=False
            )

        done = await asyncio.to_thread(wait)
        return done.returncode, (done.stdout + done.stderr).decode()

    async def curl(self, url, mechanism, bearer, *more, user=ANNA):
        command = [tool("curl", "curl"), "-sS", "--cacert", str(self.gateway.ca), "--user", f"{user}:"]
        options = ["--oauth2-bearer", bearer, "--login-options", f"AUTH={mechanism}"]
        return await self.run(*command, *options, *more, url)

    async def send(self, mechanism, bearer, user=ANNA):
        letter = self.folder / "letter"
        letter.write_bytes(LETTER)
        envelope = ["--mail-from", ANNA, "--mail-rcpt", ANNA, "--upload-file", str(letter)]
        url = f"smtps://127.0.0.1:{self.submission.tls}"
        return await self.curl(url, mechanism, bearer, *envelope, user=user)

    async def msmtp(self, mechanism, password):
        secret = self.folder / "secret"
        secret.write_text(password)
        secure = ["--tls=on", "--tls-starttls=off", f"--tls-trust-file={self.submission.ca}"]
        login = [f"--auth={mechanism}", f"--user={ANNA}", f"--passwordeval=cat {secret}"]
        where = ["--host=localhost", f"--port={self.submission.tls}", f"--from={ANNA}"]
        return await self.run(tool("msmtp", "msmtp"), "--file=", *where, *secure, *login, ANNA, given=LETTER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sasl")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(folder):
    keys = folder / "jwks.json"
    keys.write_text(jwks())
    (folder / "objects").mkdir()
    settings = {
        "YUBIN_SCRAM_ITERATIONS": "4096",
        "YUBIN_DKIM_SEAL_KEY": b64encode(bytes(32)).decode(),
        "YUBIN_OAUTH_ISSUER": ISSUER,
        "YUBIN_OAUTH_AUDIENCE": AUDIENCE,
        "YUBIN_OAUTH_JWKS_FILE": str(keys),
    }
    with running(folder, **LIGHT, **settings) as directory:
        made = Town(folder, directory)
        try:
            await made.open()
            yield made
        finally:
            made.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
async def test_curl_with_a_token(town, mechanism):
    """RFC 7628: a letter goes out by SMTP, and POP3 and IMAP are read, with a JWT of the issuer."""
    bearer = token("ES256", now=time.time())
    assert await town.send(mechanism, bearer) == (0, "")
    for url in (f"pop3s://localhost:{town.gateway.pop3s}/", f"imaps://localhost:{town.gateway.imaps}/"):
        status, said = await town.curl(url, mechanism, bearer)
        assert status == 0, said
    assert bearer[-40:] not in town.logs()


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
async def test_curl_with_a_long_token(town, mechanism):
    """Sixteen thousand characters, as issuers make them who name all groups: IMAP and POP3 take it; SMTP has 12288 octets
    for a line (RFC 4954 4), and says so.
    """
    bearer = token("ES256", now=time.time(), groups=[f"group-{n:032d}" for n in range(300)])
    assert len(bearer) > 15_000
    for url in (f"pop3s://localhost:{town.gateway.pop3s}/", f"imaps://localhost:{town.gateway.imaps}/"):
        status, said = await town.curl(url, mechanism, bearer)
        assert status == 0, said
    assert (await town.send(mechanism, bearer))[0] == 67


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
async def test_curl_with_a_token_that_does_not_hold(town, mechanism):
    """CASES F10: another audience, "none", an HMAC with the public key, too old, somebody else's: 67, login denied."""
    now = time.time()
    wrong = [
        (token(now=now, aud="other"), ANNA),
        (unsigned({"alg": "none"}, exp=int(now) + 300, iat=int(now)), ANNA),
        (confused(b"public", exp=int(now) + 300, iat=int(now)), ANNA),
        (token(now=now - 3600), ANNA),
        (token(now=now), "bert@a.example"),
    ]
    for bearer, user in wrong[:3]:
        status, said = await town.send(mechanism, bearer, user)
        assert status == 67, said
    for bearer, user in wrong[3:]:
        for url in (f"pop3s://localhost:{town.gateway.pop3s}/", f"imaps://localhost:{town.gateway.imaps}/"):
            status, said = await town.curl(url, mechanism, bearer, user=user)
            assert status == 67, said


async def test_msmtp_and_mpop_with_scram(town, folder):
    """RFC 7677: GNU SASL proves the password and checks that the server knows it, over SMTP and POP3."""
    assert await town.msmtp("scram-sha-256", PASSWORD) == (0, "")
    status, said = await town.msmtp("scram-sha-256", "wrong horse")
    assert status != 0
    assert "535" in said
    secret = folder / "mpop-secret"
    secret.write_text(PASSWORD)
    (folder / "mail").touch()
    secure = ["--tls=on", "--tls-starttls=off", f"--tls-trust-file={town.gateway.ca}"]
    login = ["--auth=scram-sha-256", f"--user={ANNA}", f"--passwordeval=cat {secret}", "--only-new=off"]
    where = ["--host=localhost", f"--port={town.gateway.pop3s}", f"--delivery=mbox,{folder}/mail"]
    kept = [f"--uidls-file={folder}/uidls", "--keep=on"]
    status, said = await town.run(tool("mpop", "mpop"), "--file=", *where, *secure, *login, *kept)
    assert status == 0, said


async def test_scram_over_imap(town):
    """RFC 9051 6.2.2: with an initial response, four messages, and the client checks the server."""
    from tests.integration.imap import Talk

    async with Talk(town.gateway.imaps, town.gateway.trust) as talk:
        client = ScramClient(ANNA, PASSWORD)
        talk.writer.write(b"a AUTHENTICATE SCRAM-SHA-256 " + b64encode(client.first()) + b"\r\n")
        offered = b64decode((await talk.reader.readline()).removeprefix(b"+ "))
        talk.writer.write(b64encode(client.final(offered)) + b"\r\n")
        assert client.trusts(b64decode((await talk.reader.readline()).removeprefix(b"+ ")))
        talk.writer.write(b"\r\n")
        assert (await talk.reader.readline()).startswith(b"a OK ")


async def test_msmtp_with_a_token(town):
    """Its own OAUTHBEARER and XOAUTH2."""
    for mechanism in ("oauthbearer", "xoauth2"):
        assert await town.msmtp(mechanism, token(now=time.time())) == (0, "")
        status, said = await town.msmtp(mechanism, token(now=time.time(), iss="https://evil.example"))
        assert status != 0, said


async def test_an_app_password(town):
    """It sends by PLAIN and LOGIN, and reads nothing: it is for submission."""
    for mechanism in ("plain", "login"):
        assert await town.msmtp(mechanism, town.app_password) == (0, "")
    async with town.gateway.client() as talk:
        assert (await talk.login(ANNA, town.app_password)).startswith("-ERR [AUTH]")
        assert (await talk.login(ANNA, PASSWORD)).startswith("+OK")
    assert town.app_password[-20:] not in town.logs()


async def test_what_is_announced(town):
    """CASES F4: what the setting says, in its order, and only behind TLS."""
    async with Dialogue(town.submission.starttls) as talk:
        assert not [line for line in (await talk.say("EHLO c.test")).lines if line.startswith("AUTH")]
        await talk.starttls(town.submission.trust)
        assert f"AUTH {ALL}" in (await talk.say("EHLO c.test")).lines
    async with town.gateway.client() as talk:
        assert f"SASL {ALL}" in await talk.listing("CAPA")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["AUTH SCRAM-SHA-256", "*"], 501),
        (["AUTH SCRAM-SHA-256", "!"], 501),
        (["AUTH SCRAM-SHA-256", ""], 501),
        (["AUTH SCRAM-SHA-256", b64encode(b"n,,n=u\0,r=x").decode()], 501),
        (["AUTH SCRAM-SHA-256", b64encode(b"p=tls-exporter,,n=u,r=x").decode()], 535),
        (["AUTH SCRAM-SHA-256", "A" * 12287], 500),
        (["AUTH SCRAM-SHA-256", b64encode(b"n,,n=u,r=x").decode(), "*"], 501),
        (["AUTH SCRAM-SHA-256", b64encode(b"n,,n=u,r=x").decode(), b64encode(b"c=biws,r=x,p=YQ==").decode()], 535),
        (["AUTH OAUTHBEARER", "*"], 501),
        (["AUTH OAUTHBEARER ="], 501),
        (["AUTH OAUTHBEARER", b64encode(b"n,,\x01auth=Bearer a.b.c\x01\x01").decode(), "AQ=="], 535),
        (["AUTH OAUTHBEARER", b64encode(b"n,,\x01auth=Bearer a.b.c\x01\x01").decode(), "*"], 501),
        (["AUTH XOAUTH2", b64encode(b"user=u\x01auth=Bearer a.b.c\x01\x01").decode(), ""], 535),
    ],
)  # fmt: skip
async def test_bad_dialogues(town, lines, code):
    """CASES F9: bad base64, "*", 12 KB, nothing, NUL; this session and others go on."""
    async with Dialogue(town.submission.tls, tls=town.submission.trust) as talk:
        await talk.say("EHLO c.test")
        for line in lines[:-1]:
            assert (await talk.say(line)).code == 334
        assert (await talk.say(lines[-1])).code == code
        assert (await talk.login(ANNA, PASSWORD)).code == 235


async def test_the_client_of_the_directory(town):
    """A token that held is remembered for what is left of it; SCRAM never is; only the pods of mail may ask."""
    bearer = token(now=time.time())
    async with town.directory.remote("gateway") as directory:
        for _ in range(2):
            found = await directory.token("", bearer, peer="198.51.100.1", service="imap")
            assert found.login == ANNA
            assert found.session
        client = ScramClient(ANNA, PASSWORD)
        where = {"peer": "198.51.100.1", "service": "imap"}
        offer = await directory.scram_first(client.first(), **where)
        final = client.final(offer.message)
        proven = await directory.scram_final(final, offer.state, **where)
        assert (proven.who.login, client.trusts(proven.message)) == (ANNA, True)
        assert proven.who.session
        with pytest.raises(Unauthenticated):
            await directory.scram_final(final, offer.state, **where)
    async with town.directory.remote("mx") as directory:
        for call in (
            directory.token("", bearer, **where),
            directory.scram_first(client.first(), **where),
            directory.scram_final(final, offer.state, **where),
        ):
            with pytest.raises(Denied):
                await call


async def test_guessing_by_every_way_is_throttled(town):
    """CASES F7: over the wire; the user elsewhere logs in throughout."""
    async with town.directory.remote() as directory:
        where = {"peer": "203.0.113.9", "service": "submission"}
        heard = set()
        for n in range(60):
            client = ScramClient(ANNA, f"guess {n}")
            try:
                if n % 2:
                    offer = await directory.scram_first(client.first(), **where)
                    await directory.scram_final(client.final(offer.message), offer.state, **where)
                else:
                    await directory.token("", f"a.b.{n}", **where)
            except Failure as failure:
                heard.add(type(failure))
        assert heard == {Unauthenticated, Exhausted}
        other = await directory.authenticate(ANNA, PASSWORD, peer="198.51.100.77", service="imap")
        assert other.login == ANNA

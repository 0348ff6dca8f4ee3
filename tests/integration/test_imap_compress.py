"""COMPRESS=DEFLATE (RFC 4978): both directions, how it ends, and what a few octets may cost."""

import zlib

ONE = b"Subject: one\r\n\r\n"


class Deflated:
    """A client's side of it, over a Talk."""

    def __init__(self, talk):
        self._talk = talk
        self._out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._in = zlib.decompressobj(-15)
        self._held = b""

    def send(self, octets):
        self._talk.send(self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH))

    async def until(self, end):
        while end not in self._held:
            octets = await self._talk.reader.read(65536)
            if not octets:
                break
            self._held += self._in.decompress(octets)
        whole, self._held = self._held, b""
        return whole


async def test_commands_and_answers_are_deflated(house):
    """RFC 4978 3: from behind the OK on; it is announced no longer, and not given twice."""
    await house.deliver(*[ONE] * 50)
    async with house.session() as talk:
        assert await talk.say("COMPRESS DEFLATE") == ["OK DEFLATE active"]
        packed = Deflated(talk)
        packed.send(b"a SELECT INBOX\r\nb CAPABILITY\r\n")
        answers = await packed.until(b"b OK")
        assert b"* 50 EXISTS" in answers
        assert b"COMPRESS" not in answers
        packed.send(b"c COMPRESS DEFLATE\r\n")
        assert b"c NO [COMPRESSIONACTIVE] " in await packed.until(b"\r\n")
        packed.send(b"d IDLE\r\n")
        await packed.until(b"+ ")
        await house.deliver(ONE)
        assert b"* 51 EXISTS" in await packed.until(b"RECENT\r\n")


async def test_what_is_sent_behind_the_command(house):
    """RFC 4978 3: a client that does not wait for the OK has compressed what follows."""
    async with house.session() as talk:
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        talk.send(
            b"a COMPRESS DEFLATE\r\n" + packed.compress(b"b NOOP\r\n") + packed.flush(zlib.Z_SYNC_FLUSH)
        )
        assert (await talk.line()).startswith("a OK ")
        assert b"b OK " in await Deflated(talk).until(b"\r\n")


async def test_another_algorithm(house):
    """RFC 4978 3: BAD."""
    async with house.session() as talk:
        assert (await talk.no("COMPRESS LZ4")).startswith("BAD ")


async def test_an_inflate_bomb(house):
    """CASES H15: one MB that stands for a gigabyte is inflated in pieces, and ended when it is no command."""
    async with house.session() as talk:
        await talk.ok("COMPRESS DEFLATE")
        bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
        sent = 0
        try:
            for _ in range(1024):
                octets = bomb.compress(b"x" * 1024 * 1024)
                talk.writer.write(octets)
                sent += len(octets)
            talk.writer.write(bomb.flush(zlib.Z_SYNC_FLUSH))
        except OSError:
            pass
        assert sent < 2 * 1024 * 1024
        assert b"* BYE " in zlib.decompressobj(-15).decompress(await talk.ended())


async def test_a_bomb_of_commands(house):
    """CASES H15: a million commands in a few KB are obeyed only as fast as their answers are read."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("COMPRESS DEFLATE")
        packed = Deflated(talk)
        packed.send(b"a CAPABILITY\r\n" * 200_000)
        assert b"a OK " in await packed.until(b"a OK ")
        (connection,) = imap.gateway._here
        assert len(connection._held) <= 128 * 1024


async def test_rubbish(house):
    """What cannot be inflated ends the connection."""
    async with house.session() as talk:
        await talk.ok("COMPRESS DEFLATE")
        talk.send(b"\xff\xff\xff\xff this is no deflate stream")
        await talk.ended()


async def test_the_farewell_is_compressed_too(house):
    """A pod that stops says BYE as the client can read it."""
    async with house.imap() as imap, imap.session() as talk:
        await talk.ok("COMPRESS DEFLATE")
        await imap.stop()
        assert b"* BYE [UNAVAILABLE] " in zlib.decompressobj(-15).decompress(await talk.ended())


async def test_unauthenticate_ends_it(house):
    """RFC 8437 4: behind the OK both directions are plain again."""
    async with house.session() as talk:
        await talk.ok("COMPRESS DEFLATE")
        packed = Deflated(talk)
        packed.send(b"a UNAUTHENTICATE\r\n")
        assert b"a OK " in await packed.until(b"\r\n")
        assert (await talk.ok("CAPABILITY"))[0].startswith("* CAPABILITY ")

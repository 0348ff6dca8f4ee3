"""The object store's contract: one body of tests, every adapter as a parameter."""

from __future__ import annotations

import errno
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from obstore.store import LocalStore, MemoryStore

from tests.servers.versitygw import s3
from yubin.errors import Invalid, NotFound, Unavailable
from yubin.ids import uuid7
from yubin.objects.folder import FolderObjects
from yubin.objects.memory import MemoryObjects
from yubin.objects.open import cloud, open_objects
from yubin.objects.store import StoreObjects

LATER = time.time() + 100_000


@pytest.fixture(params=["memory", "folder", "obstore-memory", "obstore-folder", *s3()])
def make(request, tmp_path):
    """Opens the store, again and again, with a clock of one's own."""
    memory, objects = MemoryStore(), MemoryObjects()
    url = request.getfixturevalue("versitygw").url() if request.param == "s3" else ""

    def build(clock=time.time):
        match request.param:
            case "memory":
                objects._clock = clock
                return objects
            case "folder":
                return FolderObjects(tmp_path / "o", clock=clock)
            case "obstore-memory":
                return StoreObjects(memory, clock=clock)
            case "s3":
                return cloud(url, clock=clock)
        (tmp_path / "l").mkdir(exist_ok=True)
        return StoreObjects(LocalStore(tmp_path / "l"), clock=clock)

    return build


async def test_what_was_put_is_there_byte_for_byte(make):
    """Also when the store is opened anew."""
    data = bytes(range(256)) * 1000
    name = str(uuid7())
    await make().put(name, data)
    assert await make().get(name) == data


@pytest.mark.parametrize(
    ("offset", "length", "part"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 4, b"89"), (10, 4, b""), (99, 1, b""), (0, 0, b"")],
)
async def test_a_part_is_what_lies_there(make, offset, length, part):
    """What is behind the end is left out; of what is not there at all, nothing can be read."""
    await make().put("a", b"0123456789")
    assert await make().part("a", offset, length) == part
    with pytest.raises(NotFound):
        await make().part("missing", offset, length)


async def test_a_second_put_replaces_the_first(make):
    """A large body is always PUT, also when the client tries again."""
    await make().put("a", b"1")
    await make().put("a", b"22")
    assert await make().get("a") == b"22"


async def test_what_is_not_there(make):
    """Reading it is NotFound, deleting it is nothing."""
    with pytest.raises(NotFound):
        await make().get("missing")
    await make().delete("missing")
    await make().put("a", b"1")
    await make().delete("a")
    with pytest.raises(NotFound):
        await make().get("a")


@pytest.mark.parametrize(
    "name", ["", "../x", "/etc/passwd", "a//b", "a/../b", "A", "x\0", "a\n", "." * 3, "ü", "a" * 200]
)
async def test_no_name_leads_out(make, name):
    """Names are opaque, and never paths of somebody else's."""
    for call in (make().put(name, b""), make().get(name), make().delete(name)):
        with pytest.raises(Invalid):
            await call


async def test_the_sweep_sees_only_what_is_old(make):
    """older_than names what was last written before then, under the prefix."""
    await make().put("m/1", b"1")
    await make().put("n/1", b"1")
    assert [n async for n in make().older_than("", 86_400)] == []
    assert [n async for n in make(lambda: LATER).older_than("m/", 86_400)] == ["m/1"]


async def test_a_full_disk_says_so(tmp_path, monkeypatch):
    """CASES A9, the blob's half: ENOSPC is 452 4.3.1, no draft is left behind, and the store works on afterwards."""
    store = FolderObjects(tmp_path / "o")

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable) as failure:
        await store.put("aa", b"x")
    assert (failure.value.code, failure.value.enhanced) == (452, "4.3.1")
    monkeypatch.undo()
    assert [p for p in (tmp_path / "o").rglob("*") if p.is_file()] == []
    await store.put("aa", b"x")
    assert await store.get("aa") == b"x"


async def test_a_failed_sync_makes_the_store_unready(tmp_path, monkeypatch):
    """CASES A10, the blob's half: EIO is a 451, nothing is synced again by this process, and the probe says so."""
    store = FolderObjects(tmp_path / "o")
    synced = []

    def broken(fd):
        synced.append(fd)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    await store.ping()
    monkeypatch.setattr(os, "fsync", broken)
    for _ in range(2):
        with pytest.raises(Unavailable) as failure:
            await store.put("aa", b"x")
        assert (failure.value.code, failure.value.enhanced) == (451, "4.3.0")
    assert len(synced) == 1
    with pytest.raises(Unavailable):
        await store.ping()


class BrokenS3(BaseHTTPRequestHandler):
    """Answers 500 to whatever is asked."""

    asked: ClassVar[list[str]] = []

    def do_PUT(self):
        self.asked.append(self.path)
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        return


async def test_a_store_that_answers_500_is_unavailable(monkeypatch):
    """CASES A5: an S3 that fails is a 451 4.3.0 after a few tries, well within 30 s."""
    server = HTTPServer(("127.0.0.1", 0), BrokenS3)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "y")):
            monkeypatch.setenv(f"AWS_{name}", value)
        endpoint = f"http://127.0.0.1:{server.server_port}"
        store = await open_objects(f"s3://letters/p?endpoint={endpoint}&region=us-east-1")
        with pytest.raises(Unavailable) as failure:
            await store.put("aa", b"x")
        assert (failure.value.code, failure.value.enhanced) == (451, "4.3.0")
        assert set(BrokenS3.asked) == {"/letters/p/aa"}
        await store.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_store_that_hangs_is_unavailable_in_time(tmp_path, monkeypatch):
    """CASES A5: a blob PUT that hangs ends as 451 within its deadline."""
    store = FolderObjects(tmp_path / "o", timeout=0.05)
    monkeypatch.setattr("yubin.objects.folder._write", lambda _path, _data: time.sleep(0.3))
    with pytest.raises(Unavailable) as failure:
        await store.put("aa", b"x")
    assert failure.value.code == 451


async def test_the_folder_is_synced_before_it_is_said(tmp_path, monkeypatch):
    """CASES A2: file fsync, rename, folder fsync, in this order, before put returns."""
    steps = []
    fsync, rename = os.fsync, type(tmp_path).rename
    monkeypatch.setattr(
        os, "fsync", lambda fd: (steps.append(os.path.isdir(f"/proc/self/fd/{fd}")), fsync(fd))[1]
    )
    monkeypatch.setattr(type(tmp_path), "rename", lambda a, b: (steps.append("rename"), rename(a, b))[1])
    store = FolderObjects(tmp_path / "o")
    await store.put("aa", b"x")
    assert steps[-3:] == [False, "rename", True]


async def test_a_folder_that_is_gone_is_trouble_and_no_absence(tmp_path):
    """A disk that is not mounted: 451 for whoever writes, reads or asks; 550 would refuse letters for good."""
    store = FolderObjects(tmp_path / "o")
    await store.put("aa", b"x")
    (tmp_path / "o").rename(tmp_path / "elsewhere")
    for asked in (store.put("bb", b"y"), store.get("aa"), store.part("aa", 0, 1), store.ping()):
        with pytest.raises(Unavailable) as failure:
            await asked
        assert failure.value.code == 451
    (tmp_path / "elsewhere").rename(tmp_path / "o")
    assert await store.get("aa") == b"x"


@pytest.mark.parametrize("url", ["ftp://x", "x", ""])
async def test_another_address_is_refused(url):
    with pytest.raises(ValueError, match="objects are"):
        await open_objects(url)

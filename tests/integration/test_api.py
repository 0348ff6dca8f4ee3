"""The api over real HTTPS: directory, errors, limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import time
from contextlib import AsyncExitStack

import httpx
import msgspec
import pytest

from tests.integration.api import System
from yubin.accounts.port import Limits


@pytest.fixture
async def system(tmp_path):
    async with System(tmp_path).running() as running:
        yield running


@pytest.fixture
async def http(system):
    async with system.client() as client:
        yield client


async def test_a_domain_is_made_with_the_record_to_publish(http):
    """Creating a domain answers with its DKIM record as DNS wants it; show and list know it too."""
    assert (await http.post("/v1/tenants", json={"name": "acme"})).status_code == 201
    made = await http.post("/v1/domains", json={"name": "Example.ORG.", "tenant": "acme"})
    assert made.status_code == 201
    domain = made.json()
    assert domain["name"] == "example.org"
    (record,) = domain["dkim"]
    assert record["name"] == f"{record['selector']}._domainkey.example.org"
    assert record["text"].startswith("v=DKIM1;")
    assert (await http.get("/v1/domains/example.org")).json() == domain
    assert (await http.get("/v1/domains", params={"tenant": "acme"})).json() == {"domains": [domain]}
    assert (await http.get("/v1/domains", params={"tenant": "other"})).json() == {"domains": []}


async def test_keys_rotate(http, system):
    """A new key signs; the record of the old one stays to be seen."""
    await system.populate()
    made = await http.post("/v1/domains/example.org/keys", json={"selector": "next"})
    assert made.status_code == 201
    newest, oldest = made.json()["dkim"]
    assert (newest["selector"], newest["signing"], oldest["signing"]) == ("next", True, False)


async def test_an_account_lives_its_life(http, system):
    """Made, shown, limited, disabled, given another password, removed."""
    await system.populate()
    new = {"address": "Bob@example.org", "password": "correct horse", "limits": {"per_hour": 5}}
    made = (await http.post("/v1/accounts", json=new)).json()
    assert made["address"] == "bob@example.org"
    assert made["limits"] == {"quota": 0, "message_size": 0, "recipients": 0, "per_hour": 5}
    assert "password" not in json.dumps(made)
    path = "/v1/accounts/bob@example.org"
    changed = (await http.patch(path, json={"enabled": False})).json()
    assert (changed["enabled"], changed["limits"]["per_hour"]) == (False, 5)
    await http.patch(path, json={"limits": {"recipients": 9}})
    assert (await system.directory.get_account("bob@example.org")).limits == Limits(recipients=9)
    assert (await http.put(f"{path}/password", json={"password": "another horse"})).status_code == 204
    assert [a["address"] for a in (await http.get("/v1/accounts")).json()["accounts"]] == [
        "alice@example.org",
        "bob@example.org",
    ]
    assert (await http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404


async def test_an_account_moves_and_comes_back(http, system):
    """PATCH says where to, the account's view shows it, "" takes it back; an address that is none is refused."""
    await system.populate()
    path = "/v1/accounts/alice@example.org"
    assert (await http.get(path)).json()["moved_to"] == ""
    moved = (await http.patch(path, json={"moved_to": "Alice@New.example"})).json()
    assert (moved["moved_to"], moved["enabled"]) == ("Alice@new.example", True)
    await http.patch(path, json={"enabled": False})
    assert (await http.get("/v1/accounts")).json()["accounts"][0]["moved_to"] == "Alice@new.example"
    for wrong in ("nobody", "alice@example.org", "Alice@Example.ORG", "a@b.example\r\nX: y"):
        assert (await http.patch(path, json={"moved_to": wrong})).status_code == 400, wrong
    assert (await http.patch(path, json={"moved_to": ""})).json()["moved_to"] == ""


async def test_aliases(http, system):
    await system.populate()
    made = await http.put("/v1/aliases/sales@example.org", json={"targets": ["alice@example.org"]})
    assert made.json()["targets"] == ["alice@example.org"]
    assert len((await http.get("/v1/aliases", params={"domain": "example.org"})).json()["aliases"]) == 1
    assert (await http.delete("/v1/aliases/sales@example.org")).status_code == 204


async def test_a_domain_with_accounts_cannot_be_removed(http, system):
    """409, and the domain is still there."""
    await system.populate()
    assert (await http.delete("/v1/domains/example.org")).status_code == 409
    assert (await http.get("/v1/domains/example.org")).status_code == 200


async def test_nobody_gets_in_without_the_token(system):
    """401 with WWW-Authenticate, whatever else the request is; the document alone is open."""
    for header in ("", "Bearer", "Bearer wrong-token-of-the-test", "Basic b3A6b3A=", "bearer", "Bearer é"):
        await _refused(system, header)


async def _refused(system, header):
    async with system.client(header.encode()) as client:
        for method, path in (
            ("GET", "/v1/domains"),
            ("POST", "/v1/send"),
            ("DELETE", "/v1/domains/example.org"),
        ):
            refused = await client.request(method, path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/v1/openapi.json")).status_code == 200


WRONG = [
    (b"{", "malformed|truncated"),
    (b'{"name": 5}', r"\$\.name"),
    (b"{}", "name"),
    (b'{"name": "x", "nmae": "y"}', "nmae"),
    (b'{"name": "' + b"x" * 300 + b'"}', "254"),
    (b"\xff", "malformed|utf"),
    (b"[]", "object"),
]


async def test_what_is_wrong_with_a_body_is_said(http):
    """RFC 9457: problem+json, 400, and a detail that names the field."""
    for body, detail in WRONG:
        await _explained(http, body, detail)


async def _explained(http, body, detail):
    refused = await http.post("/v1/tenants", content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["status"] == 400
    assert re.search(detail, problem["detail"], re.IGNORECASE), problem


async def test_unknown_paths_methods_types_and_parameters_are_problems(http):
    """Every refusal is problem+json, also where no route matched."""
    answers = {
        404: await http.get("/v1/nothing"),
        405: await http.patch("/v1/tenants", json={}),
        400: await http.get("/v1/domains", params={"tenat": "x"}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert (
        await http.post("/v1/tenants", content=b"name=x", headers={"content-type": "text/plain"})
    ).status_code == 400
    for limit in ("0", "1001", "x", "-1", "9" * 50, "١"):
        assert (await http.get("/v1/domains", params={"limit": limit})).status_code == 400


METACHARACTERS = [
    "x'; DROP TABLE domain; --",
    'x" OR 1=1',
    "x%",
    "x\x00y",
    "x\r\ny",
    "\x1b[31m",
    "../../x",
    "x" * 254,
]


async def test_metacharacters_are_inert(http, system):
    """CASES L9, E16: in a name, an address, a filter or a path they are refused or found nowhere, and harm nothing."""
    await system.populate()
    for text in METACHARACTERS:
        await _inert(http, text)
    assert len((await http.get("/v1/domains")).json()["domains"]) == 1


async def _inert(http, text):
    for answer in (
        await http.post("/v1/tenants", json={"name": text}),
        await http.post("/v1/domains", json={"name": text}),
        await http.post(
            "/v1/accounts", json={"address": f"{text}@example.org\r\n", "password": "correct horse"}
        ),
        await http.get("/v1/queue", params={"domain": text}),
    ):
        assert answer.status_code in {400, 404}, answer.text
        assert "\r" not in answer.json()["detail"]
        assert "\x1b" not in answer.json()["detail"]
    assert (await http.get("/v1/queue", params={"tenant": text})).json() == {"deliveries": [], "next": None}


async def test_a_large_request_is_refused_while_it_arrives(system):
    """413 beyond the limit; the pod keeps no more than that and serves others."""
    async with system.client() as client:

        async def flood():
            for _ in range(20):
                yield b"x" * 1_000_000

        headers = {"content-type": "application/json"}
        with contextlib.suppress(
            httpx.TransportError
        ):  # the connection may be gone before the answer was read
            refused = await client.post("/v1/send", content=flood(), headers=headers)
            assert refused.status_code == 413
        assert (await client.get("/v1/tenants")).status_code == 200


async def test_a_slow_request_is_given_up(tmp_path):
    """A body that does not come within the deadline is answered 400."""
    async with System(tmp_path, timeout=0.2).running() as system, system.client() as client:

        async def drip():
            yield b"{"
            await asyncio.sleep(1)
            yield b"}"

        refused = await client.post(
            "/v1/tenants", content=drip(), headers={"content-type": "application/json"}
        )
        assert (refused.status_code, "in time" in refused.json()["detail"]) == (400, True)


async def test_too_many_at_once_are_told_to_come_back(tmp_path):
    """503 with Retry-After while as many requests as allowed are under way."""
    async with System(tmp_path, requests=1).running() as system, system.client() as client:
        asked = asyncio.Event()

        async def hang():
            yield b"{"
            asked.set()
            await asyncio.sleep(0.5)
            yield b'"name": "a"}'

        first = asyncio.create_task(
            client.post("/v1/tenants", content=hang(), headers={"content-type": "application/json"})
        )
        await asked.wait()
        for _ in range(100):
            second = await client.get("/v1/tenants")
            if second.status_code == 503:
                break
        assert second.headers["retry-after"]
        assert (await first).status_code == 201


async def test_the_document_describes_every_route(http):
    """OpenAPI 3.1: each path with its answer; all references lead somewhere."""
    document = (await http.get("/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {
        "/v1/send",
        "/v1/track/{number}",
        "/v1/queue",
        "/v1/domains/{domain}/keys",
    }
    text = msgspec.json.encode(document).decode()
    names = set(document["components"]["schemas"])
    assert {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]} <= names
    assert document["paths"]["/v1/send"]["post"]["requestBody"]["content"]["application/json"]
    assert all(op["summary"] for path in document["paths"].values() for op in path.values())


async def test_an_idle_client_does_not_hold_up_the_stop(tmp_path):
    """A kept connection, and one that never said anything, end when the pod stops; a request under way is answered."""
    system = System(tmp_path)
    async with AsyncExitStack() as pod:
        await pod.enter_async_context(system.running())
        async with system.client() as idle, system.client() as busy:
            await idle.get("/v1/tenants")
            trust = ssl.create_default_context(cafile=str(system.own.ca))
            _, silent = await asyncio.open_connection("127.0.0.1", system.port, ssl=trust)

            async def slow():
                yield b"{"
                await asyncio.sleep(0.3)
                yield b'"name": "late"}'

            json_type = {"content-type": "application/json"}
            request = asyncio.create_task(busy.post("/v1/tenants", content=slow(), headers=json_type))
            await asyncio.sleep(0.15)
            began = time.monotonic()
            await pod.aclose()
            assert time.monotonic() - began < 10  # the grace is 20 s
            assert (await request).status_code == 201
            silent.close()


async def test_it_speaks_tls_only(system):
    """A client in clear gets nothing; the certificate is one of the CA's."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    writer.write(b"GET /v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not (await reader.read(100)).startswith(b"HTTP")
    writer.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", system.port, ssl=ssl.create_default_context())

"""A dialogue of SASL over any protocol: what the mechanism asks goes to the client, or to the directory.

    identity = await exchange(SERVER[name](initial), talk, lambda claim: ask(directory, claim, peer=…, service="imap"))

``talk`` says a challenge and gives the response, both without base64. Whatever it raises ends the dialogue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from yubin.accounts.port import Authenticator, Identity
from yubin.errors import Failure
from yubin.sasl.mechanism import Bearer, Challenge, Claim, Credentials, ScramFirst, Steps


async def exchange(
    steps: Steps, talk: Callable[[bytes], Awaitable[bytes]], ask: Callable[[Claim], Awaitable[Any]]
) -> Identity:
    """Raises Failure."""
    try:
        asked = next(steps)
        while True:
            if isinstance(asked, Challenge):
                asked = steps.send(await talk(asked.octets))
                continue
            try:
                answer = await ask(asked)
            except Failure as failure:
                asked = steps.throw(failure)
            else:
                asked = steps.send(answer)
    except StopIteration as end:
        identity: Identity = end.value
        return identity
    finally:
        steps.close()


async def ask(directory: Authenticator, claim: Claim, *, peer: str, service: str) -> Any:
    """Identity for Credentials and Bearer, Offer for ScramFirst, Proven for ScramFinal. Raises Failure."""
    if isinstance(claim, Credentials):
        return await directory.authenticate(claim.login, claim.password, peer=peer, service=service)
    if isinstance(claim, Bearer):
        return await directory.token(claim.login, claim.token, peer=peer, service=service)
    if isinstance(claim, ScramFirst):
        return await directory.scram_first(claim.message, peer=peer, service=service)
    return await directory.scram_final(claim.message, claim.state, peer=peer, service=service)

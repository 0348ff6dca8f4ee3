"""The composition root of the directory pod: the only file here that names adapters."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.directory.administration import DirectoryAdministration
from services.directory.app_passwords import AppPasswords
from services.directory.bearers import Bearers
from services.directory.config import Settings
from services.directory.door import Door
from services.directory.handlers import CALLERS, SERVICE, Directory, Lasting, Ways
from services.directory.issuer import Issuer, KeyFile
from services.directory.keys import Keys
from services.directory.login import Login
from services.directory.passwords import Cost, Hasher
from services.directory.recipients import DirectoryRecipients
from services.directory.scram import Scram
from services.directory.sealing import Seal
from services.directory.sessions import DirectorySessions
from services.directory.throttle import Rate, Throttle
from services.directory.verifiers import Verifiers
from yubin.accounts.open import open_accounts
from yubin.accounts.session import SessionSigner
from yubin.runtime.process import Pod
from yubin.v1.directory_pb2_grpc import add_DirectoryServicer_to_server

log = structlog.get_logger()


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    accounts = await open_accounts(settings.accounts_url)
    hasher, secret, door = _hasher(settings), _secret(settings), Door(_throttle(settings))
    keys = Keys(accounts, Seal(settings.seal_key))
    verifiers = Verifiers(
        hasher, secret, sealing=settings.seal_key is not None, iterations=settings.scram_iterations
    )
    directory = Directory(
        Ways(
            password=Login(accounts, door, hasher, verifiers, AppPasswords(accounts)),
            token=Bearers(accounts, door, _issuer(settings)),
            scram=Scram(accounts, verifiers, door, secret),
        ),
        keys,
        DirectoryAdministration(accounts, keys, hasher, verifiers),
        DirectoryRecipients(accounts, postmaster=settings.postmaster),
        DirectorySessions(accounts, SessionSigner(secret, lasts=settings.session_for)),
        Lasting(
            identity=round(settings.auth_valid_for * 1000),
            keys=round(settings.keys_valid_for * 1000),
            destinations=round(settings.destinations_valid_for * 1000),
        ),
    )
    pod.serve(lambda server: add_DirectoryServicer_to_server(directory, server), SERVICE, CALLERS)
    pod.check("accounts", accounts.check)
    try:
        yield
    finally:
        hasher.close()
        await accounts.close()


def _hasher(settings: Settings) -> Hasher:
    cost = Cost(passes=settings.argon2_passes, memory=settings.argon2_memory_kib, lanes=settings.argon2_lanes)
    return Hasher(cost, workers=settings.auth_workers, queue=settings.auth_queue)


def _secret(settings: Settings) -> bytes:
    if settings.seal_key is not None:
        return settings.seal_key
    log.warning(
        "Session tokens hold for this process only: set YUBIN_DKIM_SEAL_KEY, the same in every directory pod.",
        action="session",
    )
    return os.urandom(32)


def _issuer(settings: Settings) -> Issuer | None:
    if settings.oauth_jwks_file is None:
        return None
    return Issuer(
        issuer=settings.oauth_issuer,
        audience=settings.oauth_audience,
        claim=settings.oauth_claim,
        keys=KeyFile(settings.oauth_jwks_file).keys,
    )


def _throttle(settings: Settings) -> Throttle:
    return Throttle(
        Rate(burst=settings.peer_burst, refill=settings.peer_refill),
        Rate(burst=settings.login_burst, refill=settings.login_refill),
        entries=settings.throttle_entries,
    )

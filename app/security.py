"""API keys and roles: 256 random bits, of which only the SHA-256 digest is stored."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import anyio
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.problems import Forbidden, Unauthorized
from db import keys
from db.engine import Database
from optimizer.types import InvalidInput

_PREFIX = "cl_"
_SEND = "send an API key: Authorization: Bearer cl_..."
_bearer = HTTPBearer(auto_error=False, description="An API key, `cl_...`; `closedloop key create` makes one")


class Role(IntEnum):
    """What a key may do; each role may do what the ones before it may."""

    viewer = 1
    """Read."""
    lab = 2
    """Post measurements, report what was executed, run wells."""
    chemist = 3
    """Make and edit campaigns, ask for batches, import, exclude replicates, stop and reopen."""
    admin = 4
    """Manage keys."""


@dataclass(frozen=True)
class Principal:
    """Who makes a request."""

    name: str
    role: Role

    def need(self, role: Role) -> None:
        """Check for a role.

        Raises:
            Forbidden: The key has a lesser one.
        """
        if self.role < role:
            raise Forbidden(f"this needs a key of role {role.name}; {self.name!r} has role {self.role.name}")


def make_key() -> str:
    """A new key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def create_key(database: Database, name: str, role: Role, key: str | None = None) -> str:
    """Store a key, a new one unless given; returned here and never again."""
    key = key or make_key()
    if not key.startswith(_PREFIX) or len(key) < 20:
        raise InvalidInput(f"a key starts with {_PREFIX} and has at least 20 characters", where=("key",))
    with database.write() as session:
        keys.add(session, name, role.name, digest(key))
    return key


def first_key(database: Database, wanted: str | None) -> str | None:
    """At the first start: an administrator's key. None when keys exist already."""
    with database.read() as session:
        if keys.every(session):
            return None
    return create_key(database, "admin", Role.admin, wanted)


def principal(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Principal:
    """Who makes the request.

    Raises:
        Unauthorized: The key is missing, unknown or revoked.
    """
    if credentials is None:
        raise Unauthorized(_SEND)
    return holder(request.app.state.database, credentials.credentials)


def holder(database: Database, key: str) -> Principal:
    """Whose key it is.

    Raises:
        Unauthorized: It is unknown or revoked.
    """
    with database.read() as session:
        row = keys.by_digest(session, digest(key))
    if row is None:
        raise Unauthorized("this API key is unknown or revoked")
    return Principal(row.name, Role[row.role])


Who = Annotated[Principal, Depends(principal)]


def needs(role: Role) -> Callable[[Principal], Principal]:
    """A dependency that lets only keys of this role, or a higher one, pass."""

    def check(who: Who) -> Principal:
        who.need(role)
        return who

    check.__name__ = f"needs_{role.name}"
    return check


Viewer = Annotated[Principal, Depends(needs(Role.viewer))]
Lab = Annotated[Principal, Depends(needs(Role.lab))]
Chemist = Annotated[Principal, Depends(needs(Role.chemist))]


class Recent:
    """Keys that were found good a moment ago: for requests by the thousand, of which each would read the same row.

    A key that is revoked is refused here within a second.
    """

    _KEPT_S, _MOST = 1.0, 10_000

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Principal]] = {}
        self._looking: dict[str, asyncio.Task[Principal]] = {}

    async def principal(self, key: str) -> Principal:
        """Whose key it is.

        Raises:
            Unauthorized: It is unknown or revoked.
        """
        until, found = self._known.get(key, (0.0, None))
        if found is not None and time.monotonic() <= until:
            return found
        looking = self._looking.get(key)
        if looking is None:  # one looks for all who ask meanwhile
            looking = self._looking[key] = asyncio.create_task(self._look(key))
        return await asyncio.shield(looking)

    async def _look(self, key: str) -> Principal:
        try:
            found = await anyio.to_thread.run_sync(holder, self._database, key)
        finally:
            del self._looking[key]
        if len(self._known) >= self._MOST:
            self._known.clear()
        self._known[key] = time.monotonic() + self._KEPT_S, found
        return found


async def asker(request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None) -> Principal:
    """Who asks models: the holder of a key of role lab that was good a second ago.

    Raises:
        Unauthorized: The key is missing, unknown or revoked.
        Forbidden: Its role is a lesser one.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized(_SEND)
    found = await request.app.state.recent.principal(key)
    found.need(Role.lab)
    return found


Asker = Annotated[Principal, Depends(asker)]

"""API keys and roles: 256 random bits, of which only the SHA-256 digest is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.problems import Forbidden, Unauthorized
from db import keys
from db.engine import Database
from optimizer.types import InvalidInput

_PREFIX = "cl_"
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
        raise Unauthorized("send an API key: Authorization: Bearer cl_...")
    with request.app.state.database.read() as session:
        row = keys.by_digest(session, digest(credentials.credentials))
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

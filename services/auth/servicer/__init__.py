"""Turns messages into calls of the domain and back, one servicer for each service of the contract."""

from __future__ import annotations

from services.auth.servicer.audit import AuditServicer
from services.auth.servicer.records import EngineRecords
from services.auth.servicer.roles import RoleServicer
from services.auth.servicer.sessions import SessionServicer
from services.auth.servicer.tokens import TokenServicer
from services.auth.servicer.users import UserServicer

__all__ = ["AuditServicer", "EngineRecords", "RoleServicer", "SessionServicer", "TokenServicer", "UserServicer"]

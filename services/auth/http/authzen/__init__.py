"""Answers by the AuthZEN Authorization API 1.0, for whoever speaks that and not our contract."""

from __future__ import annotations

from services.auth.http.authzen.doors import AuthzenDoor, routes

__all__ = ["AuthzenDoor", "routes"]

"""What all of auth's errors share."""

from __future__ import annotations

DOMAIN = "auth.tenon"
"""The domain of the reasons in `google.rpc.ErrorInfo`."""

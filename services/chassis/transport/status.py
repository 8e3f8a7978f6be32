"""The end of a call that failed, as any transport sends it."""

from __future__ import annotations


class StatusError(Exception):
    """A `google.rpc.Status`, ready to be sent. Only the errors interceptor makes it.

    `code` is a `google.rpc.Code` number, `details` the encoded `google.rpc.Status`.
    """

    def __init__(self, code: int, message: str, details: bytes) -> None:
        """Take what goes out."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

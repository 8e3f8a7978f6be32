from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_SIGN_IN_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_SIGN_IN_THROTTLED: _ClassVar[ErrorReason]
    ERROR_REASON_THROTTLE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_HASHING_BUSY: _ClassVar[ErrorReason]
    ERROR_REASON_REFRESH_TOKEN_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_REFRESH_TOKEN_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_CURRENT_PASSWORD_WRONG: _ClassVar[ErrorReason]
    ERROR_REASON_GRANT_EXCEEDS_OWN: _ClassVar[ErrorReason]
    ERROR_REASON_LAST_ADMINISTRATOR: _ClassVar[ErrorReason]
    ERROR_REASON_ROLE_IN_USE: _ClassVar[ErrorReason]
    ERROR_REASON_ROLE_UNKNOWN: _ClassVar[ErrorReason]
    ERROR_REASON_USER_UNKNOWN: _ClassVar[ErrorReason]
    ERROR_REASON_USER_DISABLED: _ClassVar[ErrorReason]
    ERROR_REASON_TOKEN_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_SIGNING_KEY_MISSING: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_SIGN_IN_FAILED: ErrorReason
ERROR_REASON_SIGN_IN_THROTTLED: ErrorReason
ERROR_REASON_THROTTLE_UNAVAILABLE: ErrorReason
ERROR_REASON_HASHING_BUSY: ErrorReason
ERROR_REASON_REFRESH_TOKEN_INVALID: ErrorReason
ERROR_REASON_REFRESH_TOKEN_REUSED: ErrorReason
ERROR_REASON_CURRENT_PASSWORD_WRONG: ErrorReason
ERROR_REASON_GRANT_EXCEEDS_OWN: ErrorReason
ERROR_REASON_LAST_ADMINISTRATOR: ErrorReason
ERROR_REASON_ROLE_IN_USE: ErrorReason
ERROR_REASON_ROLE_UNKNOWN: ErrorReason
ERROR_REASON_USER_UNKNOWN: ErrorReason
ERROR_REASON_USER_DISABLED: ErrorReason
ERROR_REASON_TOKEN_TOO_LARGE: ErrorReason
ERROR_REASON_SIGNING_KEY_MISSING: ErrorReason

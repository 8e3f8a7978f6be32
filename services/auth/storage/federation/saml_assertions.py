"""Checks that a signed assertion is the provider's, for us, for this sign-in, and good now (SAML profiles §4.1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.errors import FederatedSignInInvalid, FederatedSignInRefused
from services.auth.domain.federation.assertions import Said, first_of
from services.auth.storage.federation.saml_xml import SAML, all_of, only, text_of

if TYPE_CHECKING:
    from lxml import etree

    from services.auth.domain.federation.providers import Provider

SKEW = timedelta(seconds=60)
"""How far a provider's clock may be wrong."""

LONGEST = timedelta(minutes=10)
"""For so long an assertion is taken at most, however long it is said to be good."""

SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
_CONDITIONS = {f"{{{SAML}}}AudienceRestriction", f"{{{SAML}}}OneTimeUse", f"{{{SAML}}}ProxyRestriction"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)")
_MICROSECONDS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a response has to answer."""

    request: str = field(repr=False)
    """The id of the request that this browser was sent with."""
    receiver: str
    """Where the response has to be for: our own address."""
    audience: str
    """Who the assertion has to be for: our entity id."""
    now: datetime
    """The moment."""
    fresh: bool = False
    """Whether the provider had to ask the person once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """An assertion that holds."""

    said: Said
    """What it says."""
    id: str
    """Its id: it is used once."""
    until: datetime
    """Until when it could be used again, were it not remembered."""


def check_response(response: etree._Element, provider: Provider, expected: Expected) -> None:
    """Check what stands around the assertion. It is signed only in part, so that it is there to refuse by alone."""
    if response.get("Version") != "2.0" or response.get("Destination") != expected.receiver:
        raise FederatedSignInInvalid("The response is for another address.")
    if response.get("InResponseTo") != expected.request:
        raise FederatedSignInInvalid("The response answers another request.")
    for issuer in all_of(response, "saml:Issuer"):
        _check_issuer(issuer, provider)
    status = only(response, "samlp:Status/samlp:StatusCode", "status").get("Value", "")
    if status != SUCCESS:
        inner = all_of(response, "samlp:Status/samlp:StatusCode/samlp:StatusCode")
        raise FederatedSignInRefused(provider.display_name, _code_of(inner[0].get("Value", "") if inner else status))


def check_assertion(assertion: etree._Element, provider: Provider, expected: Expected) -> Checked:
    """Return what an assertion says, as it was signed. Raises `FederatedSignInInvalid`."""
    if assertion.get("Version") != "2.0":
        raise FederatedSignInInvalid("The assertion is of another version.")
    _check_issuer(only(assertion, "saml:Issuer", "issuer"), provider)
    issued = _moment(assertion, "IssueInstant")
    if issued is None or not expected.now - LONGEST - SKEW <= issued <= expected.now + SKEW:
        raise FederatedSignInInvalid("The assertion is too old, or not good yet.")
    _check_conditions(only(assertion, "saml:Conditions", "conditions"), expected)
    subject = only(assertion, "saml:Subject", "subject")
    confirmations = all_of(subject, "saml:SubjectConfirmation")
    for confirmation in confirmations:
        _check_confirmation(confirmation, expected)
    if not confirmations:
        raise FederatedSignInInvalid("The assertion is not for whoever brings it.")
    contexts, seen = _read_statements(assertion, expected)
    said = Said(
        subject=_read_name(subject, provider),
        claims=_read_attributes(assertion),
        contexts=contexts,
        time=None if expected.fresh else seen,
    )
    # Later than that it is too old, whatever it says of itself.
    return Checked(said=said, id=str(assertion.get("ID")), until=issued + LONGEST + 2 * SKEW)


def _check_issuer(issuer: etree._Element, provider: Provider) -> None:
    if text_of(issuer) != provider.issuer or issuer.get("Format", _ENTITY) != _ENTITY:
        raise FederatedSignInInvalid("The response is from another provider.")


def _check_conditions(conditions: etree._Element, expected: Expected) -> None:
    _check_window(conditions, expected)
    if any(child.tag not in _CONDITIONS for child in conditions):
        raise FederatedSignInInvalid("The assertion has a condition that we do not know.")
    restrictions = all_of(conditions, "saml:AudienceRestriction")
    # Each of them has to name us (SAML 2.0 core §2.5.1.4).
    named = [{text_of(one) for one in all_of(restriction, "saml:Audience")} for restriction in restrictions]
    if not named or not all(expected.audience in audiences for audiences in named):
        raise FederatedSignInInvalid("The assertion is for somebody else.")


def _check_window(element: etree._Element, expected: Expected) -> None:
    start, end = _moment(element, "NotBefore"), _moment(element, "NotOnOrAfter")
    if (start is not None and start > expected.now + SKEW) or (end is not None and end <= expected.now - SKEW):
        raise FederatedSignInInvalid("The assertion has expired, or is not good yet.")


def _check_confirmation(confirmation: etree._Element, expected: Expected) -> None:
    """Check that whoever brings the assertion may bring it: to us, now, and after they were sent for it."""
    if confirmation.get("Method") != BEARER:
        raise FederatedSignInInvalid("The assertion is not for whoever brings it.")
    data = only(confirmation, "saml:SubjectConfirmationData", "confirmation")
    if data.get("Recipient") != expected.receiver:
        raise FederatedSignInInvalid("The assertion is for another address.")
    if data.get("InResponseTo") != expected.request:
        raise FederatedSignInInvalid("The assertion answers another request.")
    _check_window(data, expected)
    if data.get("NotOnOrAfter") is None:
        raise FederatedSignInInvalid("The assertion does not say until when it is good.")


def _read_name(subject: etree._Element, provider: Provider) -> str:
    if all_of(subject, "saml:EncryptedID") or all_of(subject, "saml:BaseID"):
        raise FederatedSignInInvalid("The assertion names nobody whom we can know again.")
    names = all_of(subject, "saml:NameID")
    if len(names) > 1:
        raise FederatedSignInInvalid("The assertion names several people.")
    # A transient name is another one each time, so that an attribute has to say who it is.
    if not provider.claims.get("subject") and (not names or names[0].get("Format") == TRANSIENT):
        raise FederatedSignInInvalid("The assertion names nobody whom we can know again.")
    return text_of(names[0]) if names else ""


def _read_statements(assertion: etree._Element, expected: Expected) -> tuple[tuple[str, ...], datetime | None]:
    statements = all_of(assertion, "saml:AuthnStatement")
    if len(statements) != 1:
        raise FederatedSignInInvalid("The assertion does not say once that somebody has signed in.")
    statement = statements[0]
    seen, ends = _moment(statement, "AuthnInstant"), _moment(statement, "SessionNotOnOrAfter")
    if seen is None or seen > expected.now + SKEW or (ends is not None and ends <= expected.now - SKEW):
        raise FederatedSignInInvalid("The session at the provider is over, or has not begun.")
    if expected.fresh and expected.now - seen > LONGEST:
        raise FederatedSignInInvalid("The provider has not asked who you are again.")
    contexts = all_of(statement, "saml:AuthnContext/saml:AuthnContextClassRef")
    return tuple(text_of(one) for one in contexts), min(seen, expected.now)


def _read_attributes(assertion: etree._Element) -> dict[str, object]:
    """Return the values of all attributes, by their names and by those that people give them."""
    found: dict[str, object] = {}
    for attribute in all_of(assertion, "saml:AttributeStatement/saml:Attribute"):
        values = [text for one in all_of(attribute, "saml:AttributeValue") if (text := text_of(one))]
        for name in (attribute.get("FriendlyName"), attribute.get("Name")):
            if name and values:
                found[name] = first_of(values)
    return found


def _moment(element: etree._Element, name: str) -> datetime | None:
    """Return a moment in UTC, as SAML has them (core §1.3.3); None where none is said."""
    text = element.get(name)
    if text is None:
        return None
    if not _MOMENT.fullmatch(text):
        raise FederatedSignInInvalid("The response has a time that is none.")
    whole, _, rest = text.removesuffix("Z").removesuffix("+00:00").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{rest[:_MICROSECONDS].ljust(_MICROSECONDS, '0')}").replace(tzinfo=UTC)
    except ValueError as error:
        raise FederatedSignInInvalid("The response has a time that is none.") from error


def _code_of(status: str) -> str:
    """Return the last part of a status, as it may be shown."""
    name = status.rpartition(":")[2][:64]
    return name if name.isascii() and name.isalnum() else "unknown"

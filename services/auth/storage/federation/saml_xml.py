"""Reads XML that strangers send: no document type, no entity, nothing but elements, attributes and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from services.auth.domain.errors import FederatedSignInInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
NAMESPACES = {"saml": SAML, "samlp": PROTOCOL, "ds": DS, "md": METADATA}

ID_ATTRIBUTES = ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id")
"""How elements are named to which something may refer."""

_DEEPEST = 60
_MOST_ELEMENTS = 5000


def make_parser() -> etree.XMLParser:
    """Return a parser that fetches nothing, expands nothing and gives up on what is huge."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, recover=False
    )


def parse(document: bytes) -> etree._Element:
    """Return the root of a document. Raises `FederatedSignInInvalid`."""
    # Nothing that we take has one, and what is not parsed cannot go wrong. UTF-16 would hide it from this look.
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document or b"\0" in document:
        raise FederatedSignInInvalid("The response has a document type.")
    try:
        root = etree.fromstring(document, make_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FederatedSignInInvalid("The response is no XML.") from error
    if root.getroottree().docinfo.internalDTD is not None or root.getroottree().docinfo.encoding not in {"UTF-8", None}:
        raise FederatedSignInInvalid("The response has a document type.")
    _check_plain(root)
    return root


def _check_plain(root: etree._Element) -> None:
    """Refuse comments, instructions and entities, which tear texts apart, and names that two elements have."""
    names: set[str] = set()
    for number, node in enumerate(root.iter()):
        if not isinstance(node.tag, str) or number > _MOST_ELEMENTS:
            raise FederatedSignInInvalid("The response has comments, or is too large.")
        if sum(1 for _ in node.iterancestors()) > _DEEPEST:
            raise FederatedSignInInvalid("The response is too deep.")
        own = [value for name in ID_ATTRIBUTES if (value := node.get(name)) is not None]
        if len(own) != len(set(own) - names):
            raise FederatedSignInInvalid("Two parts of the response have one name.")
        names.update(own)
    if any(isinstance(node, etree._Comment | etree._ProcessingInstruction) for node in _beside(root)):  # noqa: SLF001
        raise FederatedSignInInvalid("The response has comments.")


def _beside(root: etree._Element) -> Iterator[etree._Element]:
    yield from root.itersiblings()
    yield from root.itersiblings(preceding=True)


def all_of(element: etree._Element, path: str) -> list[etree._Element]:
    """Return the elements below one, by a path with the prefixes `saml`, `samlp`, `ds` and `md`."""
    return element.findall(path, NAMESPACES)


def only(element: etree._Element, path: str, what: str) -> etree._Element:
    """Return the one element of a path. Raises `FederatedSignInInvalid` where there is none, or another."""
    found = all_of(element, path)
    if len(found) != 1:
        raise FederatedSignInInvalid(f"The response has {'several' if found else 'no'} {what}.")
    return found[0]


def text_of(element: etree._Element | None) -> str:
    """Return the whole text of an element that holds nothing but text."""
    if element is None or len(element):
        return ""
    return (element.text or "").strip()

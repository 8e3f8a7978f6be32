"""Eight ways to wrap a signature: what is signed stays in the document, and something else is meant to be read."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from lxml import etree

from services.auth.storage.federation.saml_xml import DS, NAMESPACES, PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VICTIM = "mallory-wants-this"


def _find(element: etree._Element, path: str) -> etree._Element:
    found = element.find(path, NAMESPACES)
    assert found is not None, path
    return found


def _forged(original: etree._Element) -> etree._Element:
    """Return a copy that names somebody else, has another id, and no signature."""
    forged = deepcopy(original)
    forged.set("ID", "_forged")
    for signature in list(forged.iter(f"{{{DS}}}Signature")):
        parent = signature.getparent()
        assert parent is not None
        parent.remove(signature)
    next(forged.iter(f"{{{NAMESPACES['saml']}}}NameID")).text = VICTIM
    for inner in forged.iter(f"{{{NAMESPACES['saml']}}}Assertion"):
        inner.set("ID", "_forged" if inner is forged else "_forged_inner")
    return forged


def _assertion(response: etree._Element) -> etree._Element:
    return _find(response, "saml:Assertion")


def before(response: etree._Element) -> etree._Element:
    """Put a forged assertion before the signed one."""
    original = _assertion(response)
    original.addprevious(_forged(original))
    return response


def after(response: etree._Element) -> etree._Element:
    """Put a forged assertion after the signed one."""
    original = _assertion(response)
    original.addnext(_forged(original))
    return response


def around(response: etree._Element) -> etree._Element:
    """Put the signed assertion into a forged one."""
    original = _assertion(response)
    forged = _forged(original)
    original.addprevious(forged)
    forged.append(original)
    return response


def in_signature(response: etree._Element) -> etree._Element:
    """Put the signature into a forged assertion, and what it has signed into the signature."""
    original = _assertion(response)
    forged, signature = _forged(original), _find(original, "ds:Signature")
    original.addprevious(forged)
    forged.insert(1, signature)
    holder = etree.SubElement(signature, f"{{{DS}}}Object")
    holder.append(original)
    return response


def in_extensions(response: etree._Element) -> etree._Element:
    """Put the signed assertion into the extensions of the response, and a forged one into its place."""
    original = _assertion(response)
    original.addprevious(_forged(original))
    extensions = etree.Element(f"{{{PROTOCOL}}}Extensions")
    extensions.append(original)
    response.insert(1, extensions)
    return response


def response_in_signature(response: etree._Element) -> etree._Element:
    """Put the signature into a forged response, and the signed response into the signature."""
    forged, signature = _forged(response), _find(response, "ds:Signature")
    response.remove(signature)
    forged.insert(1, signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(response)
    return forged


def response_beside_signature(response: etree._Element) -> etree._Element:
    """Put the signature into a forged response, and the signed response after the signature."""
    forged, signature = _forged(response), _find(response, "ds:Signature")
    response.remove(signature)
    forged.insert(1, signature)
    signature.addnext(response)
    return forged


def response_inside(response: etree._Element) -> etree._Element:
    """Put the signed response as it is into the extensions of a forged one."""
    forged = _forged(response)
    extensions = etree.Element(f"{{{PROTOCOL}}}Extensions")
    extensions.append(response)
    forged.insert(1, extensions)
    return forged


OF_ASSERTIONS: Mapping[str, Callable[[etree._Element], etree._Element]] = {
    "before": before,
    "after": after,
    "around": around,
    "in_signature": in_signature,
    "in_extensions": in_extensions,
}
"""Where the assertion is signed."""

OF_RESPONSES: Mapping[str, Callable[[etree._Element], etree._Element]] = {
    "response_in_signature": response_in_signature,
    "response_beside_signature": response_beside_signature,
    "response_inside": response_inside,
}
"""Where the response is."""

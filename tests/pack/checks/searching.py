"""Search: the words of the fields that the contract names find a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import StandardKind
from tests.pack.statements import statement

if TYPE_CHECKING:
    from tests.pack.kit import Kit

CREATE, SEARCH, DELETE = StandardKind.CREATE, StandardKind.SEARCH, StandardKind.DELETE


def _found(kit: Kit, parent: str, query: str, **fields: Any) -> list[str]:
    page = kit.call(SEARCH, query=query, page_size=100, **kit.below(parent), **fields)
    return [each.name for each in getattr(page, kit.record.plural)]


@statement(34, CREATE, SEARCH)
def a_word_of_every_searched_field_finds_the_record(kit: Kit) -> None:
    parent = kit.parent()
    made = kit.make(parent=parent)
    kit.make(parent=parent)
    for name in kit.record.search:
        value = getattr(made, name)
        for text in [value] if isinstance(value, str) else value:
            if text:
                assert made.name in _found(kit, parent, text), (name, text)
    assert _found(kit, parent, "nosuchwordanywhere") == []


@statement(34, CREATE, SEARCH, DELETE)
def what_is_deleted_is_found_no_more(kit: Kit) -> None:
    parent = kit.parent()
    made = kit.make(parent=parent)
    text = next(value for name in kit.record.search if isinstance(value := getattr(made, name), str) and value)
    kit.call(DELETE, name=made.name)
    assert made.name not in _found(kit, parent, text)


@statement(36, SEARCH)
def a_query_without_words_and_one_without_end_are_refused(kit: Kit) -> None:
    below = kit.below("/".join("x" if part.startswith("{") else part for part in kit.record.parent.split("/")))
    for wrong in ("", "   ", "x " * 5000):
        assert kit.refusal(SEARCH, query=wrong, **below).code == "INVALID_ARGUMENT"

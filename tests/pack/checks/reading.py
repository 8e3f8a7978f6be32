"""Statements 19 to 27 and 40: pages, order, wildcard parents and partial answers (AIP-132, 157, 158, 159)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import Behavior, Kind, StandardKind
from tests.pack.statements import statement

if TYPE_CHECKING:
    from tests.pack.kit import Kit

GET, LIST, CREATE = StandardKind.GET, StandardKind.LIST, StandardKind.CREATE


def can_be_narrowed(kit: Kit) -> bool:
    """Whether a test's own rows can be told from others: by their parent, or by a filter."""
    return bool(kit.record.parent) or kit.takes(LIST, "filter")


class Rows:
    """A few new rows, and how a List is narrowed to them."""

    def __init__(self, kit: Kit, count: int = 5) -> None:
        """Create them."""
        self.parent = kit.parent()
        self.names = [kit.make(parent=self.parent).name for _ in range(count)]
        self.narrow = {} if kit.record.parent else {"filter": " OR ".join(f'name = "{name}"' for name in self.names)}


@statement(19, CREATE, LIST, when=lambda kit: kit.door.name != "graphql")  # where a document's cost bounds a page
def a_page_size_is_coerced_and_a_negative_one_is_refused(kit: Kit) -> None:
    parent = kit.parent()
    kit.make(parent=parent)
    for size in (0, 1, 1_000_000):
        assert len(getattr(kit.call(LIST, page_size=size, **kit.below(parent)), kit.record.plural)) >= 1
    assert kit.refusal(LIST, page_size=-1, **kit.below(parent)).code == "INVALID_ARGUMENT"


@statement(23, CREATE, LIST, when=can_be_narrowed)
def the_pages_together_are_the_whole_set_and_nothing_twice(kit: Kit) -> None:
    rows = Rows(kit)
    for size in (1, 2, 5):
        assert sorted(kit.named(rows.parent, page_size=size, **rows.narrow)) == sorted(rows.names)


@statement(21, CREATE, LIST, when=can_be_narrowed)
def only_the_page_size_may_change_between_pages(kit: Kit) -> None:
    rows = Rows(kit)
    first = kit.call(LIST, page_size=2, **kit.below(rows.parent), **rows.narrow)
    rest = kit.call(LIST, page_size=50, page_token=first.next_page_token, **kit.below(rows.parent), **rows.narrow)
    found = [each.name for page in (first, rest) for each in getattr(page, kit.record.plural)]
    assert sorted(found) == sorted(rows.names)
    if kit.takes(LIST, "filter"):
        changed = {**rows.narrow, "filter": f'name != "{rows.names[0]}"'}
        refused = kit.refusal(LIST, page_token=first.next_page_token, **kit.below(rows.parent), **changed)
        assert refused.code == "INVALID_ARGUMENT"


@statement(22, CREATE, LIST, when=can_be_narrowed)
def a_page_token_is_opaque_and_carries_no_authority(kit: Kit) -> None:
    rows = Rows(kit, 3)
    token = kit.call(LIST, page_size=1, **kit.below(rows.parent), **rows.narrow).next_page_token
    assert rows.names[0] not in token
    assert all(part.isalnum() or part in "-_" for part in token)
    changed = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    fields: dict[str, Any] = {"page_size": 1, **kit.below(rows.parent), **rows.narrow}
    assert kit.refusal(LIST, page_token=changed, **fields).code == "INVALID_ARGUMENT"
    assert kit.refusal(LIST, page_token="nonsense", **fields).code == "INVALID_ARGUMENT"
    assert kit.refusal(LIST, page_token=token, token=kit.world.powerless, **fields).code == "PERMISSION_DENIED"


@statement(24, CREATE, LIST, when=lambda kit: kit.takes(LIST, "skip") and can_be_narrowed(kit))
def skip_counts_resources_and_composes_with_a_token(kit: Kit) -> None:
    rows = Rows(kit)
    everything = kit.named(rows.parent, **rows.narrow)
    skipped = kit.call(LIST, skip=2, **kit.below(rows.parent), **rows.narrow)
    assert [each.name for each in getattr(skipped, kit.record.plural)] == everything[2:]
    assert kit.refusal(LIST, skip=-1, **kit.below(rows.parent)).code == "INVALID_ARGUMENT"


@statement(25, CREATE, LIST, when=lambda kit: kit.takes(LIST, "order_by") and can_be_narrowed(kit))
def an_order_is_kept_both_ways_and_an_unknown_field_is_refused(kit: Kit) -> None:
    rows = Rows(kit)
    assert kit.named(rows.parent, order_by="name", **rows.narrow) == sorted(rows.names)
    assert kit.named(rows.parent, order_by="  name   desc ", page_size=2, **rows.narrow) == sorted(
        rows.names, reverse=True
    )
    for wrong in ("nothing", "name sideways", "name,,name", "name, name"):
        assert kit.refusal(LIST, order_by=wrong, **kit.below(rows.parent)).code == "INVALID_ARGUMENT", wrong


@statement(25, CREATE, LIST, when=lambda kit: kit.takes(LIST, "order_by") and can_be_narrowed(kit))
def every_plain_field_can_be_ordered_by(kit: Kit) -> None:
    rows = Rows(kit, 3)
    for field in kit.record.fields:
        hidden = field.read_permission or Behavior.INPUT_ONLY in field.behaviors
        if field.repeated or hidden or field.kind in {Kind.MESSAGE, Kind.MAP, Kind.BYTES}:
            continue
        for direction in ("", " desc"):
            order = f"{field.name}{direction}"
            assert sorted(kit.named(rows.parent, order_by=order, page_size=2, **rows.narrow)) == sorted(rows.names)


@statement(26, CREATE, LIST, when=can_be_narrowed)
def the_total_size_counts_after_the_filter(kit: Kit) -> None:
    rows = Rows(kit, 3)
    page = kit.call(LIST, page_size=1, **kit.below(rows.parent), **rows.narrow)
    if "total_size" in page.DESCRIPTOR.fields_by_name:
        assert page.total_size == 3


@statement(27, CREATE, LIST, when=lambda kit: bool(kit.record.parent) and kit.takes(LIST, "filter"))
def a_wildcard_parent_lists_across_collections(kit: Kit) -> None:
    one, other = kit.make(), kit.make()
    wanted = f'name = "{one.name}" OR name = "{other.name}"'
    depth = kit.record.parent.split("/")
    wild = "/".join("-" if part.startswith("{") else part for part in depth)
    assert sorted(kit.named(wild, filter=wanted)) == sorted([one.name, other.name])
    above = one.name.split("/")[: len(depth) - 1]
    if len(above) > 1:
        assert kit.named("/".join([*above, "-"]), filter=wanted) == [one.name]


@statement(40, CREATE, GET, when=lambda kit: kit.takes(GET, "read_mask"))
def a_read_mask_leaves_out_all_that_it_does_not_name(kit: Kit) -> None:
    made = kit.make()
    masked = kit.call(GET, name=made.name, read_mask={"paths": ["name"]})
    assert masked == type(made)(name=made.name)
    assert kit.call(GET, name=made.name, read_mask={"paths": ["*"]}) == made
    assert kit.refusal(GET, name=made.name, read_mask={"paths": ["no_such_field"]}).code == "INVALID_ARGUMENT"
    for field in kit.record.fields:
        paths = ["name", field.name]
        found = kit.call(GET, name=made.name, read_mask={"paths": paths})
        assert {each.name for each, _ in found.ListFields()} <= set(paths), field.name
        assert getattr(found, field.name) == getattr(made, field.name), field.name


@statement(40, CREATE, GET, LIST, when=lambda kit: kit.takes(GET, "view") and kit.takes(LIST, "view"))
def a_basic_view_leaves_out_what_is_large(kit: Kit) -> None:
    made = kit.make()
    large = {
        field.name
        for field in kit.record.fields
        if field.kind in {Kind.MESSAGE, Kind.MAP, Kind.BYTES} and not field.type_name.endswith("Value")
    }
    basic, full = 1, 2
    shown = {field.name for field, _ in kit.call(GET, name=made.name, view=basic).ListFields()}
    assert large & shown == set()
    assert kit.call(GET, name=made.name, view=full) == made
    assert kit.call(GET, name=made.name) == made

"""Statements 5 to 18: names and the standard methods (AIP-121, 122, 131 to 135, 216)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import Behavior, StandardKind
from tests.pack.doors import Refused
from tests.pack.statements import statement

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.pack.kit import Kit

GET, LIST, CREATE = StandardKind.GET, StandardKind.LIST, StandardKind.CREATE
UPDATE, DELETE = StandardKind.UPDATE, StandardKind.DELETE


def takes_ids(kit: Kit) -> bool:
    """Whether clients choose ids."""
    return kit.takes(CREATE, kit.id_field)


@statement(5, CREATE, when=takes_ids)
def an_id_of_another_form_is_refused(kit: Kit) -> None:
    parent = kit.parent()
    for wrong in ("a/b", "white space", "-leading", "x" * 300, "ü"):
        fields = {kit.record.singular: kit.body(), **kit.below(parent), kit.id_field: wrong}
        assert kit.refusal(CREATE, **fields).code == "INVALID_ARGUMENT", wrong


@statement(6, CREATE, GET)
def an_answer_carries_the_canonical_name(kit: Kit) -> None:
    made = kit.make()
    assert kit.call(GET, name=made.name).name == made.name
    assert len(made.name.split("/")) == len(kit.record.patterns[0].split("/"))


@statement(8, GET)
def a_name_of_nothing_is_not_found_and_a_malformed_one_is_invalid(kit: Kit) -> None:
    missing = "/".join("none" if part.startswith("{") else part for part in kit.record.patterns[0].split("/"))
    assert kit.refusal(GET, name=missing).code == "NOT_FOUND"
    if kit.door.name != "rest":  # where the path decides
        assert kit.refusal(GET, name="nonsense").code == "INVALID_ARGUMENT"
        assert kit.refusal(GET, name="").code == "INVALID_ARGUMENT"


@statement(10, CREATE, when=takes_ids)
def the_name_in_a_new_record_is_ignored(kit: Kit) -> None:
    parent, chosen = kit.parent(), kit.fresh_id()
    made = kit.make(parent=parent, id=chosen, message=kit.body(name="anything/at all"))
    assert made.name.split("/")[-1] == chosen


@statement(11, CREATE, when=takes_ids)
def an_id_that_is_taken_already_exists(kit: Kit) -> None:
    parent, chosen = kit.parent(), kit.fresh_id()
    kit.make(parent=parent, id=chosen)
    fields = {kit.record.singular: kit.body(), **kit.below(parent), kit.id_field: chosen}
    assert kit.refusal(CREATE, **fields).code == "ALREADY_EXISTS"


@statement(14, CREATE, GET, UPDATE, DELETE)
def a_read_sees_the_last_write(kit: Kit) -> None:
    made = kit.make()
    assert kit.call(GET, name=made.name) == made
    changed = kit.body(name=made.name)
    keep_fixed(kit, made, changed)
    after = kit.update(changed)
    assert kit.call(GET, name=made.name) == after
    kit.call(DELETE, name=made.name)
    if kit.record.soft_delete:
        assert kit.call(GET, name=made.name).HasField("delete_time")
    else:
        assert kit.refusal(GET, name=made.name).code == "NOT_FOUND"


def keep_fixed(kit: Kit, old: Message, new: Message) -> None:
    """Copy what must not change."""
    for field in kit.record.fields:
        if Behavior.IMMUTABLE in field.behaviors and not field.repeated and not field.type_name:
            setattr(new, field.name, getattr(old, field.name))


@statement(15, CREATE, DELETE)
def a_deletion_of_nothing_is_not_found(kit: Kit) -> None:
    made = kit.make()
    kit.call(DELETE, name=made.name)
    assert kit.refusal(DELETE, name=made.name).code == "NOT_FOUND"


@statement(15, CREATE, DELETE, when=lambda kit: kit.takes(DELETE, "allow_missing"))
def a_deletion_of_nothing_is_served_where_it_may_be_missing(kit: Kit) -> None:
    name = kit.make().name
    kit.call(DELETE, name=name, allow_missing=True)
    kit.call(DELETE, name=name, allow_missing=True)


@statement(15, CREATE, DELETE, when=lambda kit: child_of(kit) is not None)
def a_parent_with_children_goes_by_force_alone(kit: Kit) -> None:
    child = child_of(kit)
    assert child is not None
    parent = kit.make()
    below = child.make(parent=parent.name)
    assert kit.refusal(DELETE, name=parent.name).code == "FAILED_PRECONDITION"
    assert child.call(GET, name=below.name) == below
    if kit.takes(DELETE, "force"):
        kit.call(DELETE, name=parent.name, force=True)
        if not child.record.soft_delete:
            assert child.refusal(GET, name=below.name).code == "NOT_FOUND"


def child_of(kit: Kit) -> Kit | None:
    """Return a kit of a record whose parent this is."""
    for other in kit.world.contract.records:
        if other.package == kit.record.package and other.parent in kit.record.patterns:
            child = kit.of(other)
            if child.can(CREATE, GET):
                return child
    return None


@statement(16, CREATE, UPDATE, GET, when=lambda kit: kit.takes(UPDATE, "allow_missing") and takes_ids(kit))
def an_update_creates_where_it_may_be_missing(kit: Kit) -> None:
    like = kit.make()
    name = "/".join([*like.name.split("/")[:-1], kit.fresh_id()])
    assert kit.refusal(UPDATE, **{kit.record.singular: kit.body(name=name)}).code == "NOT_FOUND"
    made = kit.update(kit.body(name=name), allow_missing=True)
    assert kit.call(GET, name=name) == made


@statement(18, CREATE, UPDATE, GET, when=lambda kit: bool(kit.moves))
def a_state_is_moved_by_its_own_methods_alone(kit: Kit) -> None:
    made = kit.make()
    for move in kit.moves:
        (transition, *_) = move.transitions
        tried = kit.body(name=made.name)
        keep_fixed(kit, made, tried)
        setattr(tried, transition.field, transition.target)
        before = getattr(made, transition.field)
        answer = kit.attempt(kit.methods[UPDATE], **{kit.record.singular: tried})
        if isinstance(answer, Refused):
            assert answer.code == "INVALID_ARGUMENT", answer
        else:
            assert getattr(answer, transition.field) == before


@statement(18, CREATE, GET, when=lambda kit: any(kit.door.can(move) for move in kit.moves))
def an_illegal_move_fails_its_precondition(kit: Kit) -> None:
    made = kit.make()
    for move in kit.moves:
        (transition, *_) = move.transitions
        now = getattr(kit.call(GET, name=made.name), transition.field)
        answer = kit.attempt(move, name=made.name)
        if isinstance(answer, Refused):
            assert now not in transition.sources, answer
            assert answer.code == "FAILED_PRECONDITION", answer
            continue
        assert now in transition.sources, move.name
        wrapped = answer.DESCRIPTOR.full_name != kit.record.message
        assert (
            getattr(getattr(answer, kit.record.singular) if wrapped else answer, transition.field) == transition.target
        )

"""Statements 37 to 48: masks, etags, request ids, behaviours, soft deletion and batches."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from services.chassis.contract import Behavior, Kind, StandardKind
from tests.pack.checks.standard import keep_fixed, takes_ids
from tests.pack.statements import statement

if TYPE_CHECKING:
    from tests.pack.kit import Kit

GET, LIST, CREATE = StandardKind.GET, StandardKind.LIST, StandardKind.CREATE
UPDATE, DELETE, UNDELETE, EXPUNGE = (
    StandardKind.UPDATE,
    StandardKind.DELETE,
    StandardKind.UNDELETE,
    StandardKind.EXPUNGE,
)
BATCH_GET, BATCH_CREATE = StandardKind.BATCH_GET, StandardKind.BATCH_CREATE
BATCH_UPDATE, BATCH_DELETE = StandardKind.BATCH_UPDATE, StandardKind.BATCH_DELETE
_CHANGING = {"update_time", "etag"}


def has_text(kit: Kit) -> bool:
    """Whether a text of the record may be changed freely."""
    return bool(kit.text_fields())


def without_times(message: Any) -> Any:
    """Return a copy without what every write changes."""
    copy = type(message)()
    copy.CopyFrom(message)
    for name in _CHANGING:
        if name in copy.DESCRIPTOR.fields_by_name:
            copy.ClearField(name)
    return copy


@statement(37, CREATE, UPDATE, when=has_text)
def without_a_mask_the_fields_that_are_set_change(kit: Kit) -> None:
    made, name = kit.make(), kit.text_fields()[0]
    sent = type(made)(name=made.name)
    setattr(sent, name, "changed")
    after = kit.update(sent)
    expected = without_times(made)
    setattr(expected, name, "changed")
    assert without_times(after) == expected


@statement(37, CREATE, UPDATE)
def a_star_replaces_the_whole(kit: Kit) -> None:
    made = kit.make()
    fresh = kit.body(name=made.name)
    keep_fixed(kit, made, fresh)
    after = kit.update(fresh, "*")
    for field in kit.record.fields:
        kept = {Behavior.OUTPUT_ONLY, Behavior.INPUT_ONLY, Behavior.IDENTIFIER, Behavior.IMMUTABLE} & field.behaviors
        if not kept and field.name not in {"name", "etag", "uid", "create_time", "update_time"}:
            assert strip(getattr(after, field.name)) == strip(getattr(fresh, field.name)), field.name


def strip(value: Any) -> Any:
    """Return a value that can be compared: lists and maps as Python has them."""
    return value if not hasattr(value, "__len__") or isinstance(value, str | bytes) else str(value)


@statement(38, CREATE, UPDATE)
def a_mask_of_what_cannot_exist_is_refused(kit: Kit) -> None:
    made = kit.make()
    wrong = ["no_such_field", "name.inner"]
    wrong += [f"{field.name}.0" for field in kit.record.fields if field.repeated][:1]
    for path in wrong:
        refused = kit.refusal(UPDATE, **{kit.record.singular: made}, update_mask={"paths": [path]})
        assert refused.code == "INVALID_ARGUMENT", path


@statement(38, CREATE, UPDATE, when=lambda kit: kit.has("create_time"))
def what_only_the_server_writes_is_ignored_in_a_mask(kit: Kit) -> None:
    made = kit.make()
    sent = type(made)(name=made.name)
    sent.create_time.seconds = 1
    assert kit.update(sent, "create_time").create_time == made.create_time


@statement(39, CREATE, UPDATE, GET)
def writing_back_what_was_read_changes_nothing(kit: Kit) -> None:
    made = kit.make()
    read = kit.call(GET, name=made.name)
    assert kit.update(read, "*") == read
    assert kit.call(GET, name=made.name) == read


@statement(41, CREATE, UPDATE, DELETE, when=lambda kit: kit.has("etag"))
def an_etag_that_is_not_the_latest_aborts(kit: Kit) -> None:
    made = kit.make()
    assert made.etag.strip("W/").startswith('"')
    assert made.etag.endswith('"')
    changed = kit.body(name=made.name, etag=made.etag)
    keep_fixed(kit, made, changed)
    after = kit.update(changed)
    assert after.etag != made.etag
    assert kit.refusal(UPDATE, **{kit.record.singular: changed}).code == "ABORTED"
    if kit.takes(DELETE, "etag"):
        assert kit.refusal(DELETE, name=made.name, etag=made.etag).code == "ABORTED"
        kit.call(DELETE, name=made.name, etag=after.etag)


@statement(42, CREATE, when=lambda kit: kit.takes(CREATE, "request_id"))
def a_repeated_request_gets_its_first_answer(kit: Kit) -> None:
    fields = {kit.record.singular: kit.body(), **kit.below(), "request_id": str(uuid.uuid4())}
    if takes_ids(kit):
        fields[kit.id_field] = kit.fresh_id()
    first = kit.call(CREATE, **fields)
    assert kit.call(CREATE, **fields) == first
    other = {**fields, kit.record.singular: kit.body()}
    assert kit.refusal(CREATE, **other).infos == 1


@statement(43, CREATE, GET, LIST, when=lambda kit: kit.takes(CREATE, "validate_only") and takes_ids(kit))
def a_creation_that_is_only_validated_writes_nothing(kit: Kit) -> None:
    parent, chosen = kit.parent(), kit.fresh_id()
    fields = {kit.record.singular: kit.body(), **kit.below(parent), kit.id_field: chosen}
    tried = kit.call(CREATE, validate_only=True, **fields)
    name = "/".join([*([parent] if parent else []), kit.record.patterns[0].split("/")[-2], chosen])
    assert kit.refusal(GET, name=name).code == "NOT_FOUND"
    if tried.name:
        assert tried.name == name
    kit.call(CREATE, **fields)
    assert kit.refusal(CREATE, validate_only=True, **fields).code == "ALREADY_EXISTS"


@statement(43, CREATE, GET, UPDATE, DELETE, when=lambda kit: kit.takes(DELETE, "validate_only"))
def a_change_that_is_only_validated_changes_nothing(kit: Kit) -> None:
    made = kit.make()
    changed = kit.body(name=made.name)
    keep_fixed(kit, made, changed)
    if kit.takes(UPDATE, "validate_only"):
        kit.update(changed, validate_only=True)
    kit.call(DELETE, name=made.name, validate_only=True)
    assert kit.call(GET, name=made.name) == made


@statement(44, CREATE, when=lambda kit: any(Behavior.REQUIRED in field.behaviors for field in kit.record.fields))
def a_required_field_is_asked_for_by_its_path(kit: Kit) -> None:
    for field in kit.record.fields:
        if Behavior.REQUIRED not in field.behaviors or field.name == "name":
            continue
        body = kit.body()
        body.ClearField(field.name)
        fields = {kit.record.singular: body, **kit.below()}
        if takes_ids(kit):
            fields[kit.id_field] = kit.fresh_id()
        refused = kit.refusal(CREATE, **fields)
        assert refused.code == "INVALID_ARGUMENT"
        assert field.name in refused.text


@statement(44, CREATE, GET, when=lambda kit: any(Behavior.INPUT_ONLY in field.behaviors for field in kit.record.fields))
def what_only_goes_in_never_comes_out(kit: Kit) -> None:
    made = kit.make()
    for field in kit.record.fields:
        if Behavior.INPUT_ONLY in field.behaviors:
            empty = getattr(type(made)(), field.name)
            assert getattr(made, field.name) == empty
            assert getattr(kit.call(GET, name=made.name), field.name) == empty


def _fixed(kit: Kit) -> list[str]:
    return [
        field.name
        for field in kit.record.fields
        if Behavior.IMMUTABLE in field.behaviors
        and field.kind is Kind.STRING
        and not field.repeated
        and not field.reference
        and field.name != "name"
    ]


@statement(44, CREATE, UPDATE, when=lambda kit: bool(_fixed(kit)))
def what_is_fixed_at_birth_stays(kit: Kit) -> None:
    made = kit.make()
    for name in _fixed(kit):
        same = type(made)(name=made.name)
        setattr(same, name, getattr(made, name))
        kit.update(same, name)
        other = type(made)(name=made.name)
        setattr(other, name, getattr(made, name) + "x")
        refused = kit.refusal(UPDATE, **{kit.record.singular: other}, update_mask={"paths": [name]})
        assert refused.code == "INVALID_ARGUMENT"


@statement(45, CREATE, UPDATE, when=lambda kit: kit.has("create_time", "update_time"))
def times_have_their_standard_meaning(kit: Kit) -> None:
    made = kit.make()
    assert made.create_time == made.update_time
    changed = kit.body(name=made.name)
    keep_fixed(kit, made, changed)
    after = kit.update(changed, "*")
    assert after.create_time == made.create_time
    assert after.update_time.ToNanoseconds() > made.update_time.ToNanoseconds()
    if kit.has("uid"):
        assert after.uid == made.uid
        assert uuid.UUID(made.uid).version == 4


@statement(46, CREATE)
def what_a_client_sends_comes_back_as_it_was_sent(kit: Kit) -> None:
    sent = kit.body()
    made = kit.make(message=sent)
    for field in kit.record.fields:
        if field.name in {"name", "etag", "uid"} or {Behavior.OUTPUT_ONLY, Behavior.INPUT_ONLY} & field.behaviors:
            continue
        assert strip(getattr(made, field.name)) == strip(getattr(sent, field.name)), field.name


@statement(47, CREATE, DELETE, GET, LIST, when=lambda kit: kit.record.soft_delete)
def a_soft_deletion_hides_the_row_from_lists_alone(kit: Kit) -> None:
    parent = kit.parent()
    made = kit.make(parent=parent)
    narrow = {"filter": f'name = "{made.name}"'} if kit.takes(LIST, "filter") else {}
    gone = kit.call(DELETE, name=made.name)
    assert gone.HasField("delete_time")
    if "purge_time" in gone.DESCRIPTOR.fields_by_name and kit.record.keep_deleted:
        assert gone.purge_time.seconds - gone.delete_time.seconds == int(kit.record.keep_deleted)
    assert kit.call(GET, name=made.name) == gone
    assert kit.named(parent, **narrow) == []
    if kit.takes(LIST, "show_deleted"):
        assert made.name in kit.named(parent, show_deleted=True, **narrow)


@statement(47, CREATE, DELETE, UNDELETE, GET, when=lambda kit: kit.record.soft_delete)
def what_was_deleted_softly_comes_back(kit: Kit) -> None:
    made = kit.make()
    assert kit.refusal(UNDELETE, name=made.name).code == "ALREADY_EXISTS"
    kit.call(DELETE, name=made.name)
    back = kit.call(UNDELETE, name=made.name)
    assert not back.HasField("delete_time")
    assert without_times(back) == without_times(made)


@statement(47, CREATE, DELETE, EXPUNGE, GET, when=lambda kit: kit.record.soft_delete)
def what_is_expunged_is_gone(kit: Kit) -> None:
    made = kit.make()
    kit.call(DELETE, name=made.name)
    kit.call(EXPUNGE, name=made.name)
    assert kit.refusal(GET, name=made.name).code == "NOT_FOUND"


@statement(48, CREATE, BATCH_GET)
def a_batch_is_read_whole_and_in_order(kit: Kit) -> None:
    parent = kit.parent()
    names = [kit.make(parent=parent).name for _ in range(3)][::-1]
    below = kit.below(parent) if kit.takes(BATCH_GET, "parent") else {}
    found = kit.call(BATCH_GET, names=names, **below)
    assert [each.name for each in getattr(found, kit.record.plural)] == names
    missing = names[0].rpartition("/")[0] + "/none"
    assert kit.refusal(BATCH_GET, names=[*names, missing], **below).code == "NOT_FOUND"


def _creations(kit: Kit, parent: str, count: int) -> list[Any]:
    ids = [{kit.id_field: kit.fresh_id()} if takes_ids(kit) else {} for _ in range(count)]
    return [kit.request(CREATE, **{kit.record.singular: kit.body()}, **kit.below(parent), **each) for each in ids]


@statement(48, CREATE, GET, BATCH_CREATE, when=takes_ids)
def a_batch_is_created_whole_or_not_at_all(kit: Kit) -> None:
    parent = kit.parent()
    requests = _creations(kit, parent, 3)
    below = kit.below(parent) if kit.takes(BATCH_CREATE, "parent") else {}
    made = getattr(kit.call(BATCH_CREATE, requests=requests, **below), kit.record.plural)
    assert [each.name.split("/")[-1] for each in made] == [getattr(request, kit.id_field) for request in requests]
    fresh = _creations(kit, parent, 2)
    assert kit.refusal(BATCH_CREATE, requests=[*fresh, requests[0]], **below).code == "ALREADY_EXISTS"
    name = made[0].name.rpartition("/")[0] + "/" + getattr(fresh[0], kit.id_field)
    assert kit.refusal(GET, name=name).code == "NOT_FOUND"


@statement(48, CREATE, GET, BATCH_UPDATE)
def a_batch_is_updated_whole_or_not_at_all(kit: Kit) -> None:
    parent = kit.parent()
    made = [kit.make(parent=parent) for _ in range(2)]
    below = kit.below(parent) if kit.takes(BATCH_UPDATE, "parent") else {}
    changes = []
    for each in made:
        change = kit.body(name=each.name)
        keep_fixed(kit, each, change)
        changes.append(kit.request(UPDATE, **{kit.record.singular: change}))
    missing = kit.body(name=made[0].name.rpartition("/")[0] + "/none")
    lost = [*changes, kit.request(UPDATE, **{kit.record.singular: missing})]
    assert kit.refusal(BATCH_UPDATE, requests=lost, **below).code == "NOT_FOUND"
    assert [kit.call(GET, name=each.name) for each in made] == made
    after = getattr(kit.call(BATCH_UPDATE, requests=changes, **below), kit.record.plural)
    assert [each.name for each in after] == [each.name for each in made]
    assert [kit.call(GET, name=each.name) for each in made] == list(after)


@statement(48, CREATE, GET, BATCH_DELETE)
def a_batch_is_deleted_whole_or_not_at_all(kit: Kit) -> None:
    parent = kit.parent()
    names = [kit.make(parent=parent).name for _ in range(2)]
    below = kit.below(parent) if kit.takes(BATCH_DELETE, "parent") else {}
    missing = names[0].rpartition("/")[0] + "/none"
    assert kit.refusal(BATCH_DELETE, names=[*names, missing], **below).code == "NOT_FOUND"
    for name in names:
        kit.call(GET, name=name)
    kit.call(BATCH_DELETE, names=names, **below)
    for name in names:
        if kit.record.soft_delete:
            assert kit.call(GET, name=name).HasField("delete_time")
        else:
            assert kit.refusal(GET, name=name).code == "NOT_FOUND"


@statement(51, GET)
def who_may_is_asked_before_what_is_there(kit: Kit) -> None:
    missing = "/".join("none" if part.startswith("{") else part for part in kit.record.patterns[0].split("/"))
    refused = kit.refusal(GET, name=missing, token=kit.world.powerless)
    assert (refused.code, refused.infos) == ("PERMISSION_DENIED", 1)

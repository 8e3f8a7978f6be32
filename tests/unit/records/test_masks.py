"""Update masks: what is named is written, what is settled stays, what is required is there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.chassis.errors import InvalidArgument
from services.records.masks import MAX_PATHS, FieldMaskInvalid, Masks
from tests.unit.records.filter.specimen import part, specimen, table
from tests.unit.records.filter.strategies import specimens

MASKS = Masks(table().record)
NAME = "specimens/1"


def stored(**fields: Any) -> Any:
    return specimen(**({"name": NAME, "title": "T", "origin": "O", "etag": "E", "secret": "S"} | fields))


def patch(**fields: Any) -> Any:
    return specimen(**({"name": NAME} | fields))


def apply(before: Any, change: Any, *mask: str) -> Any:
    """Update, and hold that neither message is changed by it."""
    copies = type(before)(), type(change)()
    copies[0].CopyFrom(before)
    copies[1].CopyFrom(change)
    result = MASKS.updated(before, change, mask)
    assert (before, change) == copies
    return result


def refused(before: Any, change: Any, *mask: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidArgument) as caught:
        apply(before, change, *mask)
    return [(v.field, v.reason or v.description) for v in caught.value.violations]


def test_without_a_mask_what_the_patch_sets_is_written_and_nothing_cleared() -> None:
    before = stored(small=1, part=part(label="a", size=2), tags=["x", "y"], labels={"a": "1"}, maybe_small=4)
    after = apply(before, patch(small=0, maybe_small=0, part=part(size=3), tags=["z"], labels={"b": "2"}))
    assert after == stored(small=1, part=part(label="a", size=3), tags=["z"], labels={"b": "2"}, maybe_small=0)


def test_a_named_field_is_written_or_cleared_and_no_other() -> None:
    after = apply(stored(small=1, big=2, code="c"), patch(small=5, code="d"), "small", "big")
    assert after == stored(small=5, code="c")


def test_a_negative_zero_is_written_as_it_is() -> None:
    assert str(apply(stored(weight=1.0), patch(weight=-0.0), "weight").weight) == "-0.0"


def test_an_empty_update_of_nothing_is_the_stored_message() -> None:
    assert apply(stored(small=1), patch()) == stored(small=1)


def test_a_star_replaces_all_but_what_the_client_cannot_see_or_set() -> None:
    before = stored(small=1, code="c", part=part(label="a", stamp="kept", make="kept", pin="kept"))
    after = apply(before, patch(title="U", part=part(size=3, stamp="mine")), "*")
    assert after == stored(title="U", part=part(size=3, stamp="kept", make="kept", pin="kept"))


def test_a_list_is_replaced_and_not_appended_to() -> None:
    assert apply(stored(tags=["a"]), patch(tags=["b"]), "tags").tags == ["b"]
    assert apply(stored(parts=[part(size=1)] * 2), patch(parts=[part(size=2)]), "parts").parts == [part(size=2)]
    assert not apply(stored(tags=["a"]), patch(), "tags").tags


def test_a_path_goes_into_messages_and_leaves_the_rest() -> None:
    before = stored(part=part(label="a", size=1, inner=part(size=2)))
    after = apply(before, patch(part=part(label="b", inner=part(label="c"))), "part.label", "part.inner.size")
    assert after == stored(part=part(label="b", size=1, inner=part()))


def test_clearing_inside_an_unset_message_does_not_make_it() -> None:
    assert not apply(stored(), patch(), "part.label").HasField("part")
    assert apply(stored(part=part(label="a", size=1)), patch(), "part.label").part == part(size=1)
    assert apply(stored(), patch(part=part(size=1)), "part.label").HasField("part")


def test_a_oneof_goes_over_to_the_member_that_is_written() -> None:
    after = apply(stored(choice_number=1), patch(choice_part=part(size=1)), "choice_part.size")
    assert after.WhichOneof("choice") == "choice_part"
    assert apply(stored(choice_number=1), patch(), "choice_part") == stored(choice_number=1)


@pytest.mark.parametrize("path", ["labels.a", "labels.`a`"])
def test_an_entry_of_a_map_is_written_or_removed(path: str) -> None:
    before = stored(labels={"a": "1", "b": "2"})
    assert dict(apply(before, patch(labels={"a": "3", "b": "4"}), path).labels) == {"a": "3", "b": "2"}
    assert dict(apply(before, patch(labels={"b": "4"}), path).labels) == {"b": "2"}
    assert dict(apply(stored(), patch(), path).labels) == {}


def test_keys_in_backticks_may_hold_anything() -> None:
    after = apply(stored(), patch(labels={"a.b `c`": "1"}), "labels.`a.b ``c```")
    assert dict(after.labels) == {"a.b `c`": "1"}
    assert dict(apply(stored(labels={"": "1", "x": "2"}), patch(), "labels.``").labels) == {"x": "2"}


def test_numbers_and_truths_are_keys_too() -> None:
    assert dict(apply(stored(levels={-7: 1, 5: 1}), patch(levels={5: 9}), "levels.-7", "levels.5").levels) == {5: 9}
    assert dict(apply(stored(), patch(answers={True: "y"}), "answers.true").answers) == {True: "y"}


def test_a_path_goes_into_the_message_under_a_key() -> None:
    before = stored(shelf={"a": part(label="l", size=1)})
    after = apply(before, patch(shelf={"a": part(size=2)}), "shelf.a.size")
    assert after.shelf["a"] == part(label="l", size=2)
    assert dict(apply(stored(), patch(), "shelf.a.size").shelf) == {}
    assert apply(stored(), patch(shelf={"a": part(label="l", size=2)}), "shelf.a.size").shelf["a"] == part(size=2)


def test_what_the_server_writes_is_ignored_wherever_it_is_named() -> None:
    before = stored(part=part(stamp="s", label="a"), shelf={"a": part(stamp="s")}, parts=[part(size=1, stamp="s")])
    change = patch(
        etag="mine", part=part(stamp="mine", label="b"), shelf={"a": part(stamp="mine", size=1)}, parts=[part(size=1)]
    )
    assert apply(before, change, "etag", "part.stamp") == before
    after = apply(before, change, "part", "shelf", "parts")
    assert (after.part, after.shelf["a"], after.parts[0]) == (
        part(stamp="s", label="b"), part(stamp="s", size=1), part(size=1, stamp="s")
    )  # fmt: skip


def test_another_element_of_a_list_does_not_inherit_what_the_server_wrote() -> None:
    after = apply(stored(parts=[part(size=1, stamp="s")]), patch(parts=[part(size=2, stamp="mine")]), "parts")
    assert after.parts == [part(size=2)]


def test_a_settled_field_may_be_sent_as_it_is_and_not_otherwise() -> None:
    before = stored(part=part(make="m"))
    assert apply(before, patch(origin="O", part=part(make="m")), "name", "origin", "part.make") == before
    assert refused(before, patch(origin="other"), "origin") == [("specimen.origin", "IMMUTABLE")]
    assert refused(before, patch(), "origin") == [("specimen.origin", "IMMUTABLE")]
    assert refused(before, patch(origin="other")) == [("specimen.origin", "IMMUTABLE")]
    assert refused(before, specimen(name="specimens/2"), "name") == [("specimen.name", "IMMUTABLE")]
    assert refused(before, patch(part=part(make="x"))) == [("specimen.part.make", "IMMUTABLE")]
    assert refused(stored(origin=""), patch(origin="x")) == [("specimen.origin", "IMMUTABLE")]
    assert apply(stored(), patch(part=part(make="x"))).part.make == "x"


def test_a_required_field_cannot_be_cleared() -> None:
    assert refused(stored(), patch(), "title") == [("specimen.title", "REQUIRED")]
    assert refused(stored(), patch(), "*") == [("specimen.title", "REQUIRED")]
    assert apply(stored(), patch(small=1)).title == "T"
    assert apply(stored(title=""), patch(small=1), "small").small == 1


def test_all_that_is_wrong_comes_at_once() -> None:
    found = refused(stored(), patch(origin="x"), "title", "origin", "nope", "tags.0")
    assert [field for field, _ in found] == ["update_mask", "update_mask", "specimen.origin", "specimen.title"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nope", "there is no 'nope'"),
        ("maybeSmall", "did you mean 'maybe_small'"),
        ("specimen.small", "there is no 'specimen'"),
        ("part.nope", "there is no 'nope'"),
        ("tags.0", "a list 'tags'|the list 'tags'"),
        ("parts.0.label", "the list 'parts'"),
        ("parts.*.label", "the list 'parts'"),
        ("labels.a.b", "has no fields to name"),
        ("small.x", "has no fields to name"),
        ("at.seconds", "has no fields to name"),
        ("levels.x", "whose keys are whole numbers"),
        ("levels.99999999999", "whose keys are -2147483648 to 2147483647"),
        ("answers.yes", "whose keys are true and false"),
        ("shelf.a.nope", "there is no 'nope'"),
        ("", "an empty part"),
        (".", "an empty part"),
        ("part.", "an empty part"),
        ("part..label", "an empty part"),
        ("labels.`a", "backtick that does not close"),
        ("labels.`a`b", "a dot must follow"),
        ("part.*", "a wildcard inside"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_by_name(path: str, said: str) -> None:
    with pytest.raises(FieldMaskInvalid, match=said) as caught:
        MASKS.updated(stored(), patch(), [path])
    assert caught.value.reason == "FIELD_MASK_INVALID"
    assert [v.field for v in caught.value.violations] == ["update_mask"]


def test_a_star_stands_alone_and_masks_are_bounded() -> None:
    assert refused(stored(), patch(title="T"), "*", "small")[0][0] == "update_mask"
    assert "at most 1,000 paths" in refused(stored(), patch(), *["small"] * (MAX_PATHS + 1))[0][1]


@settings(deadline=None)
@given(path=st.text(max_size=20) | st.text(alphabet="partlabels.`*0", max_size=20))
def test_any_path_is_obeyed_or_refused(path: str) -> None:
    fields = {"update_mask"}
    try:
        MASKS.updated(stored(), patch(title="T", origin="O"), [path])
    except InvalidArgument as error:
        fields = {violation.field for violation in error.violations}
    assert fields == {"update_mask"}


def only(message: Any, name: str) -> Any:
    """Return a message with one of its fields alone."""
    found = type(message)()
    found.CopyFrom(message)
    for other in [field.name for field, _ in found.ListFields() if field.name != name]:
        found.ClearField(other)
    return found


def read(message: Any, path: str) -> bytes:
    """Return what a path of plain names leads to; what is in an unset message is unset."""
    *above, last = path.split(".")
    for name in above:
        message = getattr(message, name)
    written: bytes = only(message, last).SerializeToString(deterministic=True)
    return written


PATHS = (
    "small",
    "code",
    "maybe_text",
    "part",
    "parts",
    "tags",
    "labels",
    "shelf",
    "at",
    "part.label",
    "part.inner.size",
)
# Without shrinking: a specimen is large, and what differs is seen at once.
QUICK = settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
masks = st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True).map(tuple)


@QUICK
@given(before=specimens(), change=specimens(), mask=masks)
def test_what_was_written_by_a_mask_is_read_by_it(before: Any, change: Any, mask: tuple[str, ...]) -> None:
    after = MASKS.updated(before, change, mask)
    assert [read(after, path) for path in mask] == [read(change, path) for path in mask]


@QUICK
@given(before=specimens(), mask=masks | st.just(("*",)) | st.just(()))
def test_writing_back_what_was_read_changes_nothing(before: Any, mask: tuple[str, ...]) -> None:
    before.title = "T"
    after = MASKS.updated(before, before, mask)
    assert after.SerializeToString(deterministic=True) == before.SerializeToString(deterministic=True)

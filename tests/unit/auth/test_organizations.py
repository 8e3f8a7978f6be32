"""Who changes organizations, who joins them, and what they ask of people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.assignments import Assignment, affected_by
from services.auth.domain.authentication import Authentication
from services.auth.domain.errors import (
    EmailDomainNotAllowed,
    GrantExceedsOwn,
    InvitationInvalid,
    LastAdministrator,
    OrganizationForbidden,
    OrganizationIdTaken,
    OrganizationProtected,
    OrganizationUnknown,
    RefreshTokenInvalid,
    StrongerSignInRequired,
)
from services.auth.domain.families import Families, Request
from services.auth.domain.grants import Grants
from services.auth.domain.invitations import Accepting, Answer, Inviting
from services.auth.domain.organizations import Organization, Organizations
from services.auth.domain.sessions import Origin, Sessions
from services.auth.domain.switching import Switching
from tests.fakes.auth import FakeClock, FakeFamilies, FakeRevocations, FakeSeal, FakeSessions, FakeTokens
from tests.fakes.auth_factors import FakeAddresses
from tests.fakes.auth_mail import FakeMail
from tests.fakes.auth_people import FakeInvitations, FakeJoining, FakeOrganizations, FakeTenants

PASSWORD, TWO = Authentication(time=FakeClock().now, methods=("pwd",)), ("pwd", "otp")


class World:
    """Two organizations: `acme` of Ann, and `beta` of Bob, who is a clerk in `acme` too."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.people = FakeTenants()
        self.kept = FakeOrganizations(of={"users/bob": ["acme"]})
        self.invitations, self.mail = FakeInvitations(), FakeMail(clock=self.clock)
        self.revocations = FakeRevocations()
        self.addresses = FakeAddresses(people=self.people)
        for name, organization in (("ann", "acme"), ("bob", "beta"), ("root", "default")):
            self.people.add_role("roles/administrator", "*", organization=organization)
            address = f"{name}@{organization}.test"
            self.people.add_user(f"users/{name}", "roles/administrator", email=address, organization=organization)
        self.people.add_role("roles/clerk", "shop.orders.*", organization="acme")
        self.people.add_membership("memberships/1", "users/bob", "beta", "roles/clerk", organization="acme")
        self.inviting = Inviting(
            kept=self.invitations,
            organizations=self.kept,
            mail=self.mail,
            link=lambda secret: f"https://t.test/?link={secret}",
            clock=self.clock,
        )
        self.organizations = Organizations(
            kept=self.kept,
            directory=self.people,
            founding=self.people,
            joining=FakeJoining(self.people),
            inviting=self.inviting,
            changes=self.people,
            default_email="root@default.test",
            clock=self.clock,
        )
        self.accepting = Accepting(
            kept=self.invitations,
            organizations=self.kept,
            directory=self.people,
            joining=FakeJoining(self.people),
            addresses=self.addresses,
            changes=self.people,
            credentials=self.people,
            clock=self.clock,
        )
        families = FakeFamilies()
        self.sessions = Sessions(kept=FakeSessions(families=families), clock=self.clock)
        self.families = Families(
            kept=families, directory=self.people, tokens=FakeTokens(clock=self.clock), seal=FakeSeal(), clock=self.clock
        )
        self.switching = Switching(
            directory=self.people, kept=self.kept, sessions=self.sessions, families=self.families
        )
        self.grants = Grants(
            directory=self.people,
            credentials=self.people,
            sessions=self.sessions.kept,
            revocations=self.revocations,
            changes=self.people,
            clock=self.clock,
        )

    def granter(self, name: str, organization: str, *held: str) -> Granter:
        return Granter(organization=organization, subject=f"users/{name}", held=frozenset(held or {"*"}))

    def secret(self) -> str:
        return self.mail.posted[-1].text.split("?link=")[1].split()[0]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("name", "organization", "sees"),
    [("root", "default", True), ("x", "system", True), ("ann", "acme", False), ("root", "acme", False)],
)
async def test_who_sees_all_organizations(world: World, name: str, organization: str, sees: bool) -> None:
    assert await world.organizations.sees_all(world.granter(name, organization)) == sees


async def test_an_organization_is_made_with_a_role_and_an_administrator(world: World) -> None:
    async with world.organizations.creating(world.granter("root", "default"), "gamma", ""):
        world.kept.organizations["gamma"] = Organization(id="gamma")
    account = await world.people.find_acting("gamma", "users/root")
    assert account is not None
    assert (set(account.permissions), account.organization, account.acts_in) == ({"*"}, "default", "gamma")
    async with world.organizations.creating(world.granter("root", "default"), "delta", "Dora@delta.test"):
        world.kept.organizations["delta"] = Organization(id="delta")
    assert world.mail.posted[-1].to == "dora@delta.test"
    assert await world.people.find_acting("delta", "users/root") is None


async def test_an_id_that_was_used_is_refused(world: World) -> None:
    """Auth statement 50: identifiers are never used again."""
    root = world.granter("root", "default")
    async with world.organizations.deleting(root, "acme"):
        pass
    assert world.kept.closed == ["acme"]
    with pytest.raises(OrganizationIdTaken):
        async with world.organizations.creating(root, "acme", ""):
            raise AssertionError("made all the same")


async def test_only_those_who_see_all_organizations_open_and_close_them(world: World) -> None:
    world.kept.organizations["acme"] = Organization(id="acme")
    ann, root = world.granter("ann", "acme"), world.granter("root", "default")
    with pytest.raises(OrganizationForbidden):
        async with world.organizations.changing(ann, "acme"):
            world.kept.organizations["acme"] = Organization(id="acme", disabled=True)
    world.kept.organizations["acme"] = Organization(id="acme")
    async with world.organizations.changing(root, "acme"):
        world.kept.organizations["acme"] = Organization(id="acme", disabled=True)
    assert world.kept.closed == ["acme"]
    with pytest.raises(OrganizationProtected):
        async with world.organizations.deleting(root, "default"):
            raise AssertionError("deleted all the same")


@pytest.mark.parametrize("email", ["a@acme.test", "A@ACME.TEST"])
def test_addresses_of_the_domains_are_taken(email: str) -> None:
    Organization(id="acme", allowed_domains=("acme.test",)).check_email(email)


@pytest.mark.parametrize("email", ["a@evil.test", "a@acme.test.evil.test", "acme.test", "a@sub.acme.test"])
def test_other_addresses_are_not(email: str) -> None:
    with pytest.raises(EmailDomainNotAllowed):
        Organization(id="acme", allowed_domains=("acme.test",)).check_email(email)


async def test_an_invitation_is_accepted_once_and_verifies_the_address(world: World) -> None:
    await world.inviting.invite("acme", "new@acme.test", ("roles/clerk",), inviter="users/ann")
    organization, user = await world.accepting.accept(world.secret(), password_hash="hash:x")
    account = await world.people.find_by_name("acme", user)
    assert account is not None
    assert (organization, set(account.permissions), account.password_hash) == ("acme", {"shop.orders.*"}, "hash:x")
    assert await world.addresses.is_verified("acme", user)
    with pytest.raises(InvitationInvalid):
        await world.accepting.accept(world.secret())


async def test_an_invitation_is_good_for_seven_days(world: World) -> None:
    await world.inviting.invite("acme", "new@acme.test", (), inviter="users/ann")
    world.clock.advance(days=6, hours=23)
    await world.accepting.check(world.secret())
    world.clock.advance(hours=1)
    with pytest.raises(InvitationInvalid):
        await world.accepting.accept(world.secret())


@pytest.mark.parametrize("cause", ["closed", "retired", "inviter gone", "inviter weak", "role gone", "declined"])
async def test_an_invitation_fails_for_whatever_cause_alike(world: World, cause: str) -> None:
    await world.inviting.invite("acme", "new@acme.test", ("roles/clerk",), inviter="users/ann")
    match cause:
        case "closed":
            world.kept.organizations["acme"] = Organization(id="acme", disabled=True)
        case "retired":
            world.kept.retired.add("acme")
        case "inviter gone":
            del world.people.users["acme", "users/ann"]
        case "inviter weak":
            world.people.change("users/ann", organization="acme", roles=())
        case "role gone":
            del world.people.roles["acme", "roles/clerk"]
        case "declined":
            secret = world.secret()
            await world.accepting.decline(secret)
    with pytest.raises(InvitationInvalid):
        await world.accepting.accept(world.secret())
    assert all(kept.answer is not Answer.ACCEPTED for kept in world.invitations.kept.values())


async def test_somebody_of_another_organization_becomes_a_member(world: World) -> None:
    await world.inviting.invite("beta", "ann@acme.test", ("roles/administrator",), inviter="users/bob")
    ann = await world.people.find_by_name("acme", "users/ann")
    assert ann is not None
    assert await world.accepting.join(world.secret(), ann) == "beta"
    member = await world.people.find_acting("beta", "users/ann")
    assert member is not None
    assert (member.organization, member.acts_in) == ("acme", "beta")


async def test_a_session_gives_tokens_for_the_organizations_of_its_person_alone(world: World) -> None:
    bob = await world.people.find_by_name("beta", "users/bob")
    assert bob is not None
    opened = await world.sessions.open(bob, PASSWORD, Origin())
    granter = world.granter("bob", "beta")
    away = await world.switching.switch(granter, opened.session.id, "acme")
    assert (away.family.organization, away.family.session, away.user) == ("acme", opened.session.id, "users/bob")
    assert away.refresh is not None
    renewed = await world.families.renew(away.refresh.text)
    assert renewed.organization == "acme"
    with pytest.raises(OrganizationUnknown):
        await world.switching.switch(granter, opened.session.id, "default")
    await world.sessions.end(opened.session.id)
    with pytest.raises(RefreshTokenInvalid):
        await world.switching.switch(granter, opened.session.id, "acme")
    ann = await world.people.find_by_name("acme", "users/ann")
    assert ann is not None
    others = await world.sessions.open(ann, PASSWORD, Origin())
    with pytest.raises(RefreshTokenInvalid):
        await world.switching.switch(granter, others.session.id, "acme")


async def test_where_two_factors_are_asked_for_one_opens_nothing(world: World) -> None:
    world.people.change("users/ann", organization="acme", needs_second_factor=True)
    ann = await world.people.find_by_name("acme", "users/ann")
    assert ann is not None
    weak = await world.sessions.open(ann, PASSWORD, Origin())
    with pytest.raises(StrongerSignInRequired):
        await world.families.open(ann, Request(client="tenon", session=weak.session))
    strong = await world.sessions.open(ann, Authentication(time=world.clock(), methods=TWO), Origin())
    assert await world.families.open(ann, Request(client="tenon", session=strong.session))


async def test_an_organization_shortens_sessions_and_never_lengthens_them(world: World) -> None:
    limits = {"session_lifetime": timedelta(hours=1), "session_idle": timedelta(minutes=10)}
    world.people.change("users/ann", organization="acme", **limits)
    ann = await world.people.find_by_name("acme", "users/ann")
    assert ann is not None
    session = (await world.sessions.open(ann, PASSWORD, Origin())).session
    assert session.expires - world.clock() == timedelta(hours=1)
    assert session.is_alive(world.clock() + timedelta(minutes=9), timedelta(days=14))
    assert not session.is_alive(world.clock() + timedelta(minutes=10), timedelta(days=14))
    opened = await world.families.open(ann, Request(client="tenon", session=session))
    assert opened.refresh is not None
    assert opened.refresh.expires - world.clock() == timedelta(minutes=10)
    world.people.change("users/ann", organization="acme", session_lifetime=timedelta(days=365), session_idle=None)
    ann = await world.people.find_by_name("acme", "users/ann")
    assert ann is not None
    session = (await world.sessions.open(ann, PASSWORD, Origin())).session
    assert session.expires - world.clock() == world.sessions.lifetimes.absolute


CLERKS = Assignment(roles=frozenset({"roles/clerk"}), accounts=frozenset({"users/1", "users/2"}))


@pytest.mark.parametrize(
    ("before", "after", "affected"),
    [
        (CLERKS, CLERKS, set()),
        (CLERKS, None, {"users/1", "users/2"}),
        (None, CLERKS, {"users/1", "users/2"}),
        (CLERKS, Assignment(roles=CLERKS.roles, accounts=frozenset({"users/2", "users/3"})), {"users/1", "users/3"}),
        (CLERKS, Assignment(roles=frozenset(), accounts=CLERKS.accounts), {"users/1", "users/2"}),
    ],
)
def test_whose_tokens_say_something_else_by_now(
    before: Assignment | None, after: Assignment | None, affected: set[str]
) -> None:
    assert affected_by(before, after) == affected


async def test_what_gives_roles_changes_within_what_the_granter_holds(world: World) -> None:
    """Auth statements 46 and 47: nobody gives more than they hold, and a change takes tokens back at once."""
    world.people.groups["acme", "groups/1"] = CLERKS

    async def find() -> Assignment | None:
        return await world.people.find("acme", "groups/1")

    mighty = Assignment(roles=frozenset({"roles/administrator"}), accounts=CLERKS.accounts)
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_assignment(world.granter("bob", "acme"), find):
            world.people.groups["acme", "groups/1"] = mighty
    world.people.groups["acme", "groups/1"] = CLERKS
    async with world.grants.changing_assignment(world.granter("ann", "acme"), find):
        world.people.groups["acme", "groups/1"] = mighty
    taken_back = {"acting:acme/users/1", "acting:acme/users/2"}
    assert set(world.revocations.kept) == taken_back, "an organization signs nobody out of another one"
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_assignment(world.granter("bob", "acme"), find):
            raise AssertionError("changed all the same")


async def test_an_organization_keeps_an_administrator(world: World) -> None:
    async def find() -> Assignment | None:
        return None

    with pytest.raises(LastAdministrator):
        async with world.grants.changing_assignment(world.granter("ann", "acme"), find):
            del world.people.users["acme", "users/ann"]

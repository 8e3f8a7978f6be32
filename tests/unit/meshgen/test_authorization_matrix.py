"""The authorization matrix decides every RPC for every caller, by its rule alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import REPOSITORY, Authenticated, Internal, Permission, Public, StepUp
from services.meshgen import matrix
from services.meshgen.matrix import SERVED, Case, Decision, decide
from tests.contract.walk import own_contract
from tests.fakes.chassis_frame import fake_method

if TYPE_CHECKING:
    from services.chassis.contract import Method

PUBLIC = fake_method(access=Public(reason="A test."))
SIGNED_IN = fake_method(access=Authenticated(reason="A test."))
READ = fake_method(access=Permission(name="library.books.get"))
STRONG = fake_method(access=Permission(name="library.books.burn"), step_up=StepUp(acr="aal2", max_age=300))
RECENT = fake_method(access=Authenticated(reason="A test."), step_up=StepUp(max_age=300))
INSIDE = fake_method(access=Internal(callers=("auth",)))
EVERYWHERE = fake_method(access=Internal(callers=("*",)))


def test_a_new_rpc_is_undecided_until_the_table_is_made_anew() -> None:
    """`make check` fails where the committed table and the contract differ."""
    committed = (REPOSITORY / "gen" / matrix.FILE).read_text()
    assert matrix.generate(own_contract()) == {matrix.FILE: committed}


def test_every_rpc_is_decided_for_every_caller() -> None:
    contract = own_contract()
    decided = matrix.read(matrix.generate(contract)[matrix.FILE])
    assert decided == {(path, case): one for path, m in contract.methods.items() for case, one in decide(m).items()}
    assert decided.keys() == {(path, case) for path in contract.methods for case in Case}


@pytest.mark.parametrize("method", [SIGNED_IN, READ, STRONG, RECENT, INSIDE, EVERYWHERE])
@pytest.mark.parametrize("case", [Case.EXPIRED, Case.AUDIENCE, Case.ISSUER, Case.BOUND, Case.REVOKED, Case.NO_TOKEN])
def test_what_is_no_good_token_opens_nothing_but_what_is_public(method: Method, case: Case) -> None:
    decision = decide(method)[case]
    assert SERVED not in {decision.edge, decision.service}


def test_a_public_method_serves_everybody() -> None:
    assert {decision.service for decision in decide(PUBLIC).values()} == {SERVED}


@pytest.mark.parametrize(
    ("method", "served"),
    [
        (READ, {Case.ADMINISTRATOR, Case.FOREIGNER, Case.WEAK, Case.OLD, Case.MACHINE}),
        (STRONG, {Case.ADMINISTRATOR, Case.FOREIGNER}),
        (RECENT, {Case.ADMINISTRATOR, Case.FOREIGNER, Case.MEMBER, Case.LACKING, Case.WEAK}),
        (
            SIGNED_IN,
            {*(Case.ADMINISTRATOR, Case.FOREIGNER, Case.MEMBER, Case.LACKING), *(Case.WEAK, Case.OLD, Case.MACHINE)},
        ),
        (INSIDE, {Case.NAMED}),
        (EVERYWHERE, {Case.NAMED, Case.STRANGER}),
    ],
)
def test_a_method_serves_whom_its_rule_names_and_nobody_else(method: Method, served: set[Case]) -> None:
    decided = decide(method)
    assert {case for case, decision in decided.items() if decision.service == SERVED} == served
    at_edge = {case for case, decision in decided.items() if decision.edge == SERVED}
    assert at_edge == served - {Case.NAMED, Case.STRANGER}


def test_a_cell_says_what_happens_at_both_places() -> None:
    assert str(decide(READ)[Case.EXPIRED]) == "UNAUTHENTICATED / TOKEN_EXPIRED"
    assert decide(READ)[Case.LACKING] == Decision(edge="PERMISSION_DENIED", service="PERMISSION_MISSING")

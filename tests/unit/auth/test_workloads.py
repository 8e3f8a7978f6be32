"""A workload acts as the service account that stands for it, and as nobody else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.auth.domain.errors import WorkloadUnknown
from services.auth.domain.workloads import WorkloadExchange
from tests.fakes.auth import FakePeople, FakeTokens

ROBOT = "serviceAccounts/robot"


@dataclass
class FakeWorkloads:
    """One workload of one organization (port `Workloads`)."""

    async def find_for_workload(self, organization: str, workload: str) -> str:
        return ROBOT if (organization, workload) == ("default", "commerce") else ""


@pytest.fixture
def people() -> FakePeople:
    made = FakePeople()
    made.add_role("roles/reader", "library.*")
    made.add_user(ROBOT, "roles/reader", email="none")
    return made


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


@pytest.fixture
def exchange(people: FakePeople, tokens: FakeTokens) -> WorkloadExchange:
    return WorkloadExchange(workloads=FakeWorkloads(), directory=people, tokens=tokens)


async def test_a_token_says_the_account_and_no_session(exchange: WorkloadExchange, tokens: FakeTokens) -> None:
    account, _ = await exchange.exchange(workload="commerce", organization="", scope="library.books.get")
    grant = tokens.issued[-1]
    assert (account.name, grant.subject, grant.client, grant.session) == (ROBOT, ROBOT, "workloads/commerce", "")
    assert grant.permissions == {"library.books.get"}


@pytest.mark.parametrize(("workload", "organization"), [("data", ""), ("", ""), ("commerce", "other")])
async def test_nobody_stands_for_another(exchange: WorkloadExchange, workload: str, organization: str) -> None:
    with pytest.raises(WorkloadUnknown):
        await exchange.exchange(workload=workload, organization=organization, scope="")


async def test_a_disabled_account_acts_for_no_workload(exchange: WorkloadExchange, people: FakePeople) -> None:
    people.change(ROBOT, disabled=True)
    with pytest.raises(WorkloadUnknown):
        await exchange.exchange(workload="commerce", organization="", scope="")

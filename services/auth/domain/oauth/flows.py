"""How an authorization goes on while a person signs in and agrees, page by page.

`Flows.start` judges a request and either answers it at once or keeps it as a flow, whose id the pages carry:

1. `/account/sign-in?flow=…` asks `describe(flow, session)` what to show, signs the person in, sets the session cookie
   and redirects to `/oauth2/continue?flow=…`.
2. That calls `resume(flow, session)`, which looks again: `Step.SIGN_IN` and `Step.CONSENT` name the page that is
   next, `Step.ANSWER` carries what goes to the client, and ends the flow.
3. `/account/consent?flow=…` shows `describe(flow, session).scopes`; its form calls `approve` or `deny` and redirects to
   `/oauth2/continue?flow=…` as well.

With `prompt=login` a sign-in counts that was made after the flow began (`FlowView.created`), whatever the session says.
`FlowView.steps` are the steps that are left for the given session.
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.audit import AuditEntry
from services.auth.domain.authentication import LEVELS, reaches
from services.auth.domain.errors import FlowUnknown
from services.auth.domain.oauth.codes import LIFETIME as CODE_LIFETIME
from services.auth.domain.oauth.codes import Code
from services.auth.domain.oauth.consents import is_covered_by
from services.auth.domain.oauth.refusals import OAuthError
from services.auth.domain.sessions import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.clients import Client, Clients
    from services.auth.domain.oauth.codes import Codes
    from services.auth.domain.oauth.consents import Consents
    from services.auth.domain.oauth.requests import AuthorizationRequest
    from services.auth.domain.oauth.transactions import Transactions
    from services.auth.domain.sessions import Session

LIFETIME = timedelta(minutes=15)
"""How long a person may take."""

_ID_BYTES = 24
_CODE_BYTES = 32


class Step(enum.Enum):
    """What comes next."""

    SIGN_IN = "sign_in"
    """The person has to prove who they are, or to prove it again."""
    CONSENT = "consent"
    """The person has to agree."""
    ANSWER = "answer"
    """The client gets its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes to a client by way of the person's browser."""

    redirect_uri: str
    """Where it goes."""
    response_mode: str
    """How it goes there: `query` or `form_post`."""
    parameters: Mapping[str, str] = field(repr=False)
    """What it says; whoever sends it adds `iss` (RFC 9207)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """What comes next in a flow."""

    step: Step
    """The step."""
    flow: str = ""
    """The flow's id, where a page is next."""
    answer: Answer | None = None
    """The answer, where there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """An authorization that waits for a person."""

    id: str
    """What the pages carry; it opens nothing."""
    request: AuthorizationRequest
    """What is asked for."""
    created: datetime
    """When it was asked for."""
    expires: datetime
    """Until when a person may take."""
    approver: str = ""
    """Who has agreed in this flow, or empty."""
    denied: bool = False
    """Whether somebody has refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowView:
    """What pages show of a flow."""

    client_name: str
    """What people know the client by."""
    client_uri: str
    """The client's own page, or empty."""
    scopes: tuple[str, ...]
    """What it asks for."""
    redirect_host: str
    """Where the answer goes: a host, or an app's own scheme."""
    redirect_uri: str
    """Where the answer goes, for the page's `form-action`: browsers hold it against redirects too."""
    login_hint: str
    """Who is likely to sign in, or empty."""
    organization: str
    """The organization that is signed in to; empty for any."""
    acr: str
    """The level of assurance that has to be reached, or empty."""
    max_age: int | None
    """Seconds that the sign-in may have been old when the flow began, or None."""
    prompt: tuple[str, ...]
    """What the person has to be asked: `login`, `consent`, `select_account`."""
    ui_locales: tuple[str, ...]
    """Languages that the person reads, best first."""
    needs_consent: bool
    """Whether the person of the session, or anybody where there is none, will have to agree."""
    created: datetime
    """When the flow began."""
    steps: tuple[Step, ...]
    """What is left to be done for the session, the next first."""


class FlowStore(Protocol):
    """Keeps flows."""

    async def keep(self, flow: Flow) -> None:
        """Keep a new flow."""

    async def find(self, flow: str) -> Flow | None:
        """Return a flow."""

    async def decide(self, flow: str, *, approver: str, denied: bool) -> bool:
        """Keep what a person has decided; return whether there is such a flow."""

    async def finish(self, flow: str) -> bool:
        """Forget a flow; return whether it was there, which is so for one caller."""

    async def push(self, uri: str, client: str, parameters: bytes, expires: datetime) -> None:
        """Keep the parameters of a pushed request."""

    async def find_pushed(self, uri: str, client: str, *, now: datetime) -> bytes | None:
        """Return the parameters that this client has pushed, unless they were used or have expired."""

    async def use_pushed(self, uri: str) -> bool:
        """Forget a pushed request; return whether it was there, which is so for one caller."""

    async def prune(self, *, now: datetime) -> None:
        """Forget flows and pushed requests that have expired."""


class Hints(Protocol):
    """Reads id tokens that come back."""

    async def read_hint(self, token: str, client: str) -> str | None:
        """Return `sub` of an id token of ours for that client, expired or not; None where it is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flows:
    """Leads authorizations to their end."""

    kept: FlowStore
    """Where flows are kept."""
    clients: Clients
    """Finds clients."""
    directory: Directory
    """Finds who acts in a client's organization."""
    consents: Consents
    """Where consents are kept."""
    codes: Codes
    """Where codes are kept."""
    hints: Hints
    """Reads id tokens that come back."""
    transactions: Transactions
    """Makes changes one."""
    audit: Audit
    """Where it is written down who has agreed to what."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def start(self, client: Client, request: AuthorizationRequest, session: Session | None) -> Next:
        """Answer a request at once, or keep it as a flow.

        Raises:
            OAuthError: it cannot be answered without a page, and none may be shown; the refusal goes to the client.
        """
        now = self.clock()
        flow = Flow(id=secrets.token_urlsafe(_ID_BYTES), request=request, created=now, expires=now + LIFETIME)
        account = await self._signed_in(flow, client, session)
        step = await self._step(flow, client, account)
        if step is Step.ANSWER and session is not None and account is not None:
            return await self._answer(flow, session, account, kept=False)
        if "none" in request.prompt:
            raise await self._refusal(flow, client, session, step)
        await self.kept.keep(flow)
        return Next(step=step, flow=flow.id)

    async def resume(self, flow_id: str, session: Session | None) -> Next:
        """Look again after a page. Raises `FlowUnknown`."""
        flow, client = await self._find(flow_id)
        if flow.denied:
            return await self._deny(flow)
        account = await self._signed_in(flow, client, session)
        step = await self._step(flow, client, account)
        if step is Step.ANSWER and session is not None and account is not None:
            return await self._answer(flow, session, account, kept=True)
        return Next(step=step, flow=flow.id)

    async def describe(self, flow_id: str, session: Session | None = None) -> FlowView:
        """Return what pages show. Raises `FlowUnknown`."""
        flow, client = await self._find(flow_id)
        request = flow.request
        account = await self._account(client, session)
        signed_in = await self._signed_in(flow, client, session)
        agreed = await self._has_agreed(flow, client, account)
        left = ((Step.SIGN_IN, signed_in is None), (Step.CONSENT, not agreed), (Step.ANSWER, True))
        scheme, _, rest = request.redirect_uri.partition("://")
        return FlowView(
            client_name=client.display_name or client.id,
            client_uri=client.uri,
            scopes=request.disclosed,
            redirect_uri=request.redirect_uri,
            redirect_host=rest.partition("/")[0].partition("?")[0] or scheme.partition(":")[0],
            login_hint=request.login_hint,
            organization="" if client.any_organization else client.organization,
            acr=_level_of(request, account),
            max_age=request.max_age,
            prompt=request.prompt,
            ui_locales=tuple(request.ui_locales.split()),
            needs_consent=not agreed,
            created=flow.created,
            steps=tuple(step for step, is_left in left if is_left),
        )

    async def approve(self, flow_id: str, session: Session) -> None:
        """Keep that the person of a session has agreed. Raises `FlowUnknown`."""
        flow, client = await self._find(flow_id)
        account = await self._signed_in(flow, client, session)
        if account is None:
            raise FlowUnknown
        now = self.clock()
        async with self.transactions.together():
            if not await self.kept.decide(flow_id, approver=account.name, denied=False):
                raise FlowUnknown
            if not client.first_party:
                agreed = flow.request.disclosed
                await self.consents.give(account.acts_in, account.name, client.id, agreed, now=now)
            await self.audit.record(
                AuditEntry(
                    kind="consent.given",
                    organization=account.acts_in,
                    actor=session.user,
                    subject=client.name,
                    session=session.id,
                    client=client.id,
                    address=session.origin.address,
                    agent=session.origin.agent,
                    detail={"scope": " ".join(flow.request.disclosed)},
                )
            )

    async def deny(self, flow_id: str) -> None:
        """Keep that the person has refused. Raises `FlowUnknown`."""
        if not await self.kept.decide(flow_id, approver="", denied=True):
            raise FlowUnknown

    async def _find(self, flow_id: str) -> tuple[Flow, Client]:
        flow = await self.kept.find(flow_id)
        if flow is None or self.clock() >= flow.expires:
            raise FlowUnknown
        client = await self.clients.find(flow.request.client)
        if client is None or not client.may_redirect(flow.request.redirect_uri):
            raise FlowUnknown
        return flow, client

    async def _step(self, flow: Flow, client: Client, account: Account | None) -> Step:
        if account is None:
            return Step.SIGN_IN
        return Step.ANSWER if await self._has_agreed(flow, client, account) else Step.CONSENT

    async def _account(self, client: Client, session: Session | None) -> Account | None:
        """Return whoever has signed in, as they act for the client: where it lives, or at home for one of all."""
        if session is None:
            return None
        organization = session.organization if client.any_organization else client.organization
        account = await self.directory.find_acting(organization, session.user)
        return None if account is None or account.disabled else account

    async def _signed_in(self, flow: Flow, client: Client, session: Session | None) -> Account | None:
        """Return whoever has signed in, if they have done so as the request and their organization ask."""
        if session is None or not await self._is_fit(flow, session):
            return None
        account = await self._account(client, session)
        if account is None or (account.needs_second_factor and not reaches(session.authentication.level, LEVELS[1])):
            return None
        return account

    async def _is_fit(self, flow: Flow, session: Session) -> bool:
        request, proof = flow.request, session.authentication
        renewed = proof.time > flow.created
        if {"login", "select_account"} & set(request.prompt) and not renewed:
            return False
        # A person may take as long as they like between the page and the answer: age is told when the flow began.
        if request.age is not None and not renewed and flow.created - proof.time > request.age:
            return False
        if request.levels and not any(proof.satisfies(level, None, flow.created) for level in request.levels):
            return False
        return await self._is_expected(request, session)

    async def _is_expected(self, request: AuthorizationRequest, session: Session) -> bool:
        if request.expected not in {"", session.user}:
            return False
        return not request.hint or await self.hints.read_hint(request.hint, request.client) == session.user

    async def _has_agreed(self, flow: Flow, client: Client, account: Account | None) -> bool:
        if account is not None and flow.approver == account.name:
            return True
        if account is None or not client.is_assured or client.first_party:
            return is_covered_by(client, flow.request, frozenset())
        given = await self.consents.find(account.acts_in, account.name, client.id)
        return is_covered_by(client, flow.request, given)

    async def _answer(self, flow: Flow, session: Session, account: Account, *, kept: bool) -> Next:
        text = secrets.token_urlsafe(_CODE_BYTES)
        code = Code(
            request=replace(flow.request, hint=""),
            organization=account.acts_in,
            user=account.name,
            session=session.id,
            family=secrets.token_urlsafe(16),
            expires=self.clock() + CODE_LIFETIME,
        )
        async with self.transactions.together():
            if kept and not await self.kept.finish(flow.id):
                raise FlowUnknown
            if flow.request.pushed and not await self.kept.use_pushed(flow.request.pushed):
                raise FlowUnknown
            await self.codes.keep(digest_of(text), code)
        return Next(step=Step.ANSWER, answer=answer_to(flow.request, {"code": text}))

    async def _deny(self, flow: Flow) -> Next:
        if not await self.kept.finish(flow.id):
            raise FlowUnknown
        refused = {"error": "access_denied", "error_description": "The person has refused."}
        return Next(step=Step.ANSWER, answer=answer_to(flow.request, refused))

    async def _refusal(self, flow: Flow, client: Client, session: Session | None, step: Step) -> OAuthError:
        if step is Step.CONSENT:
            return OAuthError("consent_required", "The person has to agree first.")
        weaker = replace(flow, request=replace(flow.request, levels=()))
        if await self._signed_in(weaker, client, session) is not None:
            # RFC 9470 §5: all is well but how the person has proven who they are.
            return OAuthError("unmet_authentication_requirements", "The person has to sign in more surely.")
        return OAuthError("login_required", "The person has to sign in first.")


def answer_to(request: AuthorizationRequest, parameters: Mapping[str, str]) -> Answer:
    """Return an answer to a request, with its state."""
    state = {"state": request.state} if request.state else {}
    mode = request.response_mode
    return Answer(redirect_uri=request.redirect_uri, response_mode=mode, parameters={**parameters, **state})


def _level_of(request: AuthorizationRequest, account: Account | None) -> str:
    """Return the level of assurance that has to be reached, or nothing."""
    wanted = request.levels[0] if request.levels else ""
    if account is not None and account.needs_second_factor and not reaches(wanted, LEVELS[1]):
        return LEVELS[1]
    return wanted

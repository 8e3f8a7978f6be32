"""Search: the records whose texts hold the words of a query, the best first.

    two words          both, anywhere in the fields that the record's `search` names
    "two words"        beside each other, in this order
    one OR other       either of them; OR binds tighter than standing beside each other
    -word, -"a b"      not that; a query has at least one word to look for
    wor*               words that begin so; so does the last word, unless it stands in quotes

Case does not matter; words are compared as they are, without grammar. Pages are in the order of `ts_rank_cd`, then by
name: words in fields that are named first weigh more, and so do words that stand close together. A query has at most
512 characters and 32 words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY

from services.chassis.errors import InvalidArgument, Violation
from services.records.reading.listing import List, Page
from services.records.reading.ordering import Phase
from services.records.reading.pages import PageTokenInvalid
from services.records.schema.vectors import GUARDED, MARK, vector_name, weights_of
from services.records.scope import organization_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.chassis.call import Call
    from services.records.filter.sql import Columns
    from services.records.reading.pages import KeyValue
    from services.records.schema.tables import RecordTable

MAX_QUERY = 512
"""The most characters of a query."""

MAX_WORDS = 32
"""The most words and phrases of a query."""

_TERM = re.compile(r"""\s*(?P<minus>-*)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))""")
_TEXT = sa.Text()
_REAL: sa.types.TypeEngine[Any] = sa.REAL()


class QueryInvalid(InvalidArgument):
    """The query has nothing to look for, or is over a limit."""

    reason = "QUERY_INVALID"

    def __init__(self, description: str) -> None:
        """Take what is wrong with it, and the mend."""
        super().__init__(f"The query is invalid: {description}", violations=[_violation(description)])


def _violation(description: str) -> Violation:
    return Violation(field="query", description=description)


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One word or phrase of a query."""

    text: str
    """What it says."""
    begins: bool
    """Whether words count that only begin so."""
    excluded: bool
    """Whether it must not be there."""


def read_query(text: str) -> list[list[Term]]:
    """Return the terms of a query: any of each group must hold, and all groups.

    Raises:
        QueryInvalid: if nothing is left to look for, or a limit is broken.
    """
    if len(text) > MAX_QUERY:
        raise QueryInvalid(f"It has {len(text):,} characters; at most {MAX_QUERY} are read.")
    if "\x00" in text:
        raise QueryInvalid("It holds a NUL character; leave it out.")
    groups = _groups(text)
    if not groups:
        raise QueryInvalid("It has no words; say what to look for, or use List for everything.")
    if sum(map(len, groups)) > MAX_WORDS:
        raise QueryInvalid(f"It has more than {MAX_WORDS} words; leave some out.")
    if any(term.excluded for group in groups for term in group if len(group) > 1):
        raise QueryInvalid("What is left out by '-' cannot stand beside OR; leave the OR out.")
    if all(term.excluded for group in groups for term in group):
        raise QueryInvalid("It only says what to leave out; add a word to look for.")
    return groups


def _groups(text: str) -> list[list[Term]]:
    groups: list[list[Term]] = []
    joins = False
    for term in _terms(text):
        if term is None:
            joins = bool(groups)
        elif joins:
            groups[-1].append(term)
            joins = False
        else:
            groups.append([term])
    return groups


def _terms(text: str) -> Iterator[Term | None]:
    """Yield the terms, and None for each OR."""
    end = len(text.rstrip())
    for match in _TERM.finditer(text):
        word, phrase = match["word"], match["phrase"]
        if word == "OR" and not match["minus"]:
            yield None
        elif word is not None and _has_words(word):
            begins = word.endswith("*") or (match.end() == end and not match["minus"])
            yield Term(text=word.rstrip("*"), begins=begins, excluded=bool(match["minus"]))
        elif phrase is not None and _has_words(phrase):
            yield Term(text=phrase, begins=False, excluded=bool(match["minus"]))


def _has_words(text: str) -> bool:
    # Postgres drops what has neither letters nor digits, and a query of exclusions alone would be left.
    return any(map(str.isalnum, text))


def to_tsquery(groups: Sequence[Sequence[Term]], weights: str) -> str:
    """Return the text of Postgres' `to_tsquery`; `weights` are those of the fields that count, empty for all."""
    return " & ".join(f"({' | '.join(_lexeme(term, weights) for term in group)})" for group in groups)


def _lexeme(term: Term, weights: str) -> str:
    marks = ("*" if term.begins else "") + weights
    return f"{'!' if term.excluded else ''}{_quote(term.text)}{':' if marks else ''}{marks}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


class Ranking:
    """The order of what a search finds: the best first, and by name where two are as good."""

    __slots__ = ("_vector", "shape")

    def __init__(self, vector: sa.ColumnElement[Any], weights: str) -> None:
        """Take the column of words, and the weights of the fields that the caller may search."""
        self._vector = vector
        self.shape = f"rank {weights}"

    def expressions(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return the keys."""
        return [self._rank().label("order_0"), columns["name"].label("order_1")]

    def order_by(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return what to order by."""
        return [self._rank().desc(), columns["name"].asc()]

    def parameters(self, values: Sequence[KeyValue]) -> Mapping[str, Any]:
        """Return the parameters of `within`."""
        match values:
            case [float() as rank, str() as name]:
                return {"after_0": rank, "after_1": name}
        raise PageTokenInvalid("The page token is of an earlier version of the contract; begin again without one.")

    def after_shape(self, values: Sequence[KeyValue]) -> str:
        """Return the key of the SQL of `within`."""
        return "1" * len(values)

    def phases(self, values: Sequence[KeyValue]) -> Sequence[Phase]:
        """Return the one phase: no index has this order."""
        return [Phase(0, len(values), "any")]

    def within(self, columns: Columns, values: Sequence[KeyValue], phase: Phase) -> sa.ColumnElement[bool]:  # noqa: ARG002 - as an order has it
        """Return that a row comes after the one with these keys."""
        rank, name = self._rank(), columns["name"]
        last = sa.bindparam("after_0", type_=_REAL)
        beside = sa.and_(rank == last, name > sa.bindparam("after_1", type_=_TEXT))
        return sa.or_(rank < last, beside)

    def matches(self, table: RecordTable) -> sa.ColumnElement[bool]:  # noqa: ARG002 - as a page has it
        """Return that a row is of the organization, as the index knows it, and holds the words."""
        whose = sa.cast(sa.bindparam("search_organization", type_=_TEXT), TSQUERY())
        # Apart, since a query in which Postgres finds no words would vanish from a common one, and match everything.
        return sa.and_(self._holds(whose), self._holds(_query()))

    def _holds(self, query: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return self._vector.op("@@", is_comparison=True, return_type=sa.Boolean())(query)

    def _rank(self) -> sa.ColumnElement[Any]:
        return sa.func.ts_rank_cd(self._vector, _query(), type_=_REAL)


def _query() -> sa.ColumnElement[Any]:
    words = sa.bindparam("search_query", type_=_TEXT)
    return sa.func.to_tsquery(sa.literal_column("'pg_catalog.simple'", REGCONFIG()), words, type_=TSQUERY())


class Search(List):
    """Reads a page of the records that a query finds."""

    def _asked(self, request: Any, call: Call) -> Page:
        """Return what the request asks for."""
        selected = self._selecting.read(request, call.caller)
        weights = self._weights(call)
        ranking = Ranking(self._table.table.columns[vector_name(self._table.record)], weights)
        organization = organization_of(self._table, call.caller)
        parameters = {
            **selected.parameters(),
            "search_query": to_tsquery(read_query(request.query), weights),
            "search_organization": _quote(MARK + organization),
        }
        return Page(selected, ranking, ranking.matches, parameters)

    def _weights(self, call: Call) -> str:
        """Return the weights of the fields that the caller may search; empty where it may search all."""
        guards, record = self._shown.guards, self._table.record
        if not guards or guards.hidden(call.caller).isdisjoint(record.search):
            return ""
        if guards.fields.issuperset(record.search):
            guards.refuse(record.search, call.caller)
        return "".join(dict.fromkeys(weight for weight in weights_of(record).values() if weight != GUARDED))

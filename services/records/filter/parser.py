"""Reads a filter: recursive descent over the grammar of AIP-160.

expression  = factor { [ AND ] factor }          (OR binds tighter than AND)
factor      = term { OR term }
term        = [ NOT | "-" ] simple
simple      = restriction | word | "(" expression ")"
restriction = member comparator argument
member      = word { "." word }
argument    = value | "(" expression of values ")"

A member that no comparator follows is a word (`a.b` is one word). There are no functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.records.filter.invalid import Mistake, excerpt
from services.records.filter.lexer import Sort, Token, cut_tokens
from services.records.filter.syntax import Conjunction, Disjunction, Expression, Negation, Restriction, Word

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 32
"""The most brackets that may be open at once."""

MAX_TERMS = 100
"""The most comparisons and words in one filter."""

_WORDS = (Sort.TEXT, Sort.STRING)
_KEYWORDS = (Sort.AND, Sort.OR, Sort.NOT)
_BEGINS_TERM = (Sort.TEXT, Sort.STRING, Sort.OPEN, Sort.NOT, Sort.MINUS)


def parse(text: str) -> Expression | None:
    """Return the filter's syntax tree, or None where the text is blank.

    Raises:
        Mistake: at the first place that cannot be read, or is over a limit.
    """
    tokens = cut_tokens(text)
    return None if tokens[0].sort is Sort.END else _Parser(tokens).filter()


class _Parser:
    __slots__ = ("_at", "_depth", "_terms", "_tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._terms = 0

    def filter(self) -> Expression:
        found = self._expression(self._restriction)
        token = self._tokens[self._at]
        if token.sort is not Sort.END:
            raise Mistake(_explain(token), token.offset)
        return found

    def _expression(self, leaf: Callable[[], Expression]) -> Expression:
        terms = [self._factor(leaf)]
        while True:
            sort = self._tokens[self._at].sort
            if sort is Sort.AND:
                self._at += 1
            elif sort not in _BEGINS_TERM:
                return terms[0] if len(terms) == 1 else Conjunction(terms)
            terms.append(self._factor(leaf))

    def _factor(self, leaf: Callable[[], Expression]) -> Expression:
        first = self._term(leaf)
        if self._tokens[self._at].sort is not Sort.OR:
            return first
        terms = [first]
        while self._tokens[self._at].sort is Sort.OR:
            self._at += 1
            terms.append(self._term(leaf))
        return Disjunction(terms)

    def _term(self, leaf: Callable[[], Expression]) -> Expression:
        token = self._tokens[self._at]
        negated = token.sort is Sort.NOT or token.sort is Sort.MINUS
        if negated:
            self._at += 1
            token = self._tokens[self._at]
        simple = self._composite(leaf) if token.sort is Sort.OPEN else leaf()
        return Negation(simple) if negated else simple

    def _composite(self, leaf: Callable[[], Expression]) -> Expression:
        opening = self._tokens[self._at]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Mistake(f"At most {MAX_DEPTH} brackets may be open at once", opening.offset)
        self._at += 1
        found = self._expression(leaf)
        token = self._tokens[self._at]
        if token.sort is not Sort.CLOSE:
            raise Mistake(_explain(token, "the closing bracket"), token.offset)
        self._at += 1
        self._depth -= 1
        return found

    def _restriction(self) -> Expression:
        path = self._member()
        operator = self._tokens[self._at]
        if operator.sort is not Sort.COMPARE:
            return self._word(path, operator)
        self._at += 1

        def compare() -> Expression:
            return Restriction(path, operator.text, self._value())

        return self._composite(compare) if self._tokens[self._at].sort is Sort.OPEN else compare()

    def _member(self) -> list[Token]:
        token = self._tokens[self._at]
        if token.sort not in _WORDS:
            raise Mistake(_explain(token, "a comparison such as size > 3"), token.offset)
        path = [token]
        self._at += 1
        while self._tokens[self._at].sort is Sort.DOT:
            token = self._tokens[self._at + 1]
            if token.sort not in _WORDS:
                raise Mistake(_explain(token, "a field's name or a key"), token.offset)
            path.append(token)
            self._at += 2
        return path

    def _value(self) -> Token:
        token = self._tokens[self._at]
        if token.sort not in _WORDS:
            raise Mistake(_explain(token, "a value"), token.offset)
        self._count(token)
        self._at += 1
        _refuse_function([token], self._tokens[self._at])
        return token

    def _word(self, path: list[Token], following: Token) -> Word:
        _refuse_function(path, following)
        self._count(path[0])
        pieces: tuple[str, ...] = ("",)
        for token in path:
            first, *others = token.pieces or (token.text,)
            dotted = f"{pieces[-1]}.{first}" if token is not path[0] else first
            pieces = (*pieces[:-1], dotted, *others)
        text = ".".join(token.text for token in path)
        return Word(text, pieces if len(pieces) > 1 else (), path[0].offset)

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise Mistake(f"A filter has at most {MAX_TERMS} comparisons and words", token.offset)


def _refuse_function(path: list[Token], following: Token) -> None:
    last = path[-1]
    touches = following.sort is Sort.OPEN and following.offset == last.offset + len(last.text)
    if touches and last.sort is Sort.TEXT:
        called = ".".join(token.text for token in path)
        raise Mistake(f"There are no functions in filters, such as {excerpt(called + '()')}", path[0].offset)


def _explain(token: Token, expected: str = "AND, OR, or another comparison") -> str:
    if token.sort is Sort.END:
        return f"The filter ends where {expected} is expected"
    if token.sort is Sort.CLOSE and expected.startswith("AND"):
        return "There is no opening bracket for this one"
    hint = "; put the word in quotes to use it as text" if token.sort in _KEYWORDS else ""
    return f"{excerpt(token.text)} stands where {expected} is expected{hint}"

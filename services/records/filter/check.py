"""Checks a filter against the fields of its record, and takes its values out of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from services.chassis.contract import Kind
from services.records.filter.conditions import All, Any, Condition, Not, Operator, Test
from services.records.filter.fields import KEY, refuse_sensitive
from services.records.filter.invalid import Mistake, excerpt
from services.records.filter.lexer import Sort
from services.records.filter.literals import Literal, read_literal
from services.records.filter.patterns import lowered, prefix_of, successor, to_like
from services.records.filter.syntax import Conjunction, Disjunction, Expression, Negation, Restriction, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.filter.fields import Fields, Path
    from services.records.filter.lexer import Token

_COMPARISONS = {operator.value: operator for operator in Operator if operator.value != ":*"} | {":": Operator.EQUAL}
_EQUALITIES = ("=", "!=", ":")
_NO_ORDER = {Kind.BOOL: "true or false", Kind.ENUM: "an enum"}


_LIKE = {
    Operator.EQUAL: Operator.LIKE,
    Operator.UNEQUAL: Operator.UNLIKE,
    Operator.CONTAINS: Operator.CONTAINS_LIKE,
}

Parameter = Literal | list[Literal]
"""What the driver binds."""


class Check:
    """Checks one filter.

    Afterwards `parameters` holds its values, `roots` the top-level fields that it names, `mistakes` all that is wrong.
    """

    __slots__ = ("_fields", "_texts", "mistakes", "parameters", "roots")

    def __init__(self, fields: Fields, texts: Sequence[Path]) -> None:
        """Take the fields that may be asked for, and those in which words are looked for."""
        self._fields, self._texts = fields, texts
        self.parameters: dict[str, Parameter] = {}
        self.mistakes: list[Mistake] = []
        self.roots: set[str] = set()

    def condition(self, expression: Expression) -> tuple[Condition | None, str]:
        """Return the checked condition and its shape; after a mistake the condition is None or lacks a part."""
        if isinstance(expression, Restriction):
            try:
                return self._restriction(expression)
            except Mistake as mistake:
                self.mistakes.append(mistake)
                return None, ""
        if isinstance(expression, Word):
            return self._word(expression)
        if isinstance(expression, Negation):
            term, shape = self.condition(expression.term)
            return (None if term is None else Not(term)), f"!({shape})"
        if isinstance(expression, Conjunction):
            terms, shapes = self._terms(expression.terms)
            return All(terms), f"({'&'.join(shapes)})"
        if isinstance(expression, Disjunction):
            terms, shapes = self._terms(expression.terms)
            return Any(terms), f"({'|'.join(shapes)})"
        assert_never(expression)

    def _terms(self, expressions: list[Expression]) -> tuple[list[Condition], list[str]]:
        checked = [self.condition(expression) for expression in expressions]
        return [term for term, _ in checked if term is not None], [shape for _, shape in checked]

    def _word(self, word: Word) -> tuple[Condition | None, str]:
        pieces = word.pieces or (word.text,)
        if not self._texts:
            said = f"There is no text here in which to look for {excerpt(word.text)}; compare a field"
            self.mistakes.append(Mistake(said, word.offset))
            return None, ""
        if not any(pieces):
            self.mistakes.append(Mistake("This stands for any text, and so for none; leave it out", word.offset))
            return None, ""
        value = self._bind(to_like(("", *(lowered(piece) for piece in pieces), "")))
        tests: list[Condition] = [Test(path, Operator.HOLDS, (), value) for path in self._texts]
        shape = "|".join(path.root for path in self._texts)
        return (tests[0] if len(tests) == 1 else Any(tests)), f"{Operator.HOLDS.value}({shape})"

    def _restriction(self, restriction: Restriction) -> tuple[Test, str]:
        path = self._fields.resolve(restriction.path)
        self.roots.add(path.root)
        operator, value = restriction.operator, restriction.value
        if path.each and operator != ":":
            raise Mistake(
                "Inside a list only ':' may ask, since any of its elements may match", restriction.path[0].offset
            )
        if operator == ":" and value.sort is Sort.TEXT and value.text == "*":
            return self._present(path, restriction.path[-1])
        if path.type.repeated:
            return self._contains(path, restriction)
        if operator == ":" and (path.type.key is not None or path.type.message is not None):
            return self._present(self._into(path, value), value)
        return self._compare(path, _COMPARISONS[operator], restriction)

    def _into(self, path: Path, value: Token) -> Path:
        """Return the path of `m:word`, which asks for the key of a map or the field of a message."""
        if value.pieces:
            raise Mistake(
                'A key is asked for as it is; for a star itself write \\* in quotes, as in "5\\*"', value.offset
            )
        found = self._fields.step(path, value)
        refuse_sensitive(found.type, value)
        return found

    def _present(self, path: Path, word: Token) -> tuple[Test, str]:
        if path.type.kind is Kind.BYTES and not (path.steps and path.steps[-1] is KEY):
            raise _bytes(word)
        return self._test(path, Operator.PRESENT, None)

    def _contains(self, path: Path, restriction: Restriction) -> tuple[Test, str]:
        word, kind = restriction.path[-1], path.type.kind
        if restriction.operator != ":":
            raise Mistake(f"{excerpt(word.text)} holds a list; ask with ':' whether it has an element", word.offset)
        if kind is Kind.MESSAGE:
            raise Mistake(
                f"{excerpt(word.text)} holds messages; ask for a field of theirs, such as {word.text}.field:value",
                restriction.value.offset,
            )
        return self._compare(path, Operator.CONTAINS, restriction)

    def _compare(self, path: Path, operator: Operator, restriction: Restriction) -> tuple[Test, str]:
        word, value, kind = restriction.path[-1], restriction.value, path.type.kind
        if kind is Kind.BYTES:
            raise _bytes(word)
        if kind is Kind.MESSAGE or kind is Kind.MAP:
            what = "fields" if path.type.message is not None else "keys" if kind is Kind.MAP else ""
            mend = f"; compare one of its {what}" if what else "; only ':*' is known for it"
            raise Mistake(f"{excerpt(word.text)} is no single value{mend}", word.offset)
        if kind in _NO_ORDER and restriction.operator not in _EQUALITIES:
            raise Mistake(
                f"{excerpt(word.text)} is {_NO_ORDER[kind]}, which has no order; use =, != or ':'", word.offset
            )
        if value.sort is Sort.TEXT and value.text == "null":
            raise Mistake("null is no value; ask NOT field:* for what is unset, or quote the text", value.offset)
        if kind is Kind.STRING and value.pieces and restriction.operator in _EQUALITIES:
            return self._like(path, operator, value.pieces)
        return self._test(path, operator, _as_stored(path, operator, read_literal(path.type, value)))

    def _like(self, path: Path, operator: Operator, pieces: Sequence[str]) -> tuple[Test, str]:
        prefix = prefix_of(pieces)
        end = successor(prefix)
        if operator is Operator.EQUAL and end and not path.in_document:
            test, shape = self._test(path, Operator.BEGINS, prefix)
            self.parameters[f"{test.value}_end"] = end
            return test, shape
        return self._test(path, _LIKE[operator], to_like(pieces))

    def _test(self, path: Path, operator: Operator, literal: Parameter | None) -> tuple[Test, str]:
        keys = tuple(self._bind(key) for key in path.keys) if path.keys else ()
        value = "" if literal is None else self._bind(literal)
        return Test(path, operator, keys, value), f"{path.shape}{operator.value}"

    def _bind(self, value: Parameter) -> str:
        name = f"filter_{len(self.parameters)}"
        self.parameters[name] = value
        return name


def _as_stored(path: Path, operator: Operator, literal: Literal) -> Parameter:
    """Return a value as the column or the document holds it."""
    if not path.in_document:
        return [literal] if operator is Operator.CONTAINS else literal
    # Documents hold times as text of fixed width.
    return (
        f"{literal.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        if isinstance(literal, datetime)
        else literal
    )


def _bytes(word: Token) -> Mistake:
    return Mistake(f"{excerpt(word.text)} holds bytes, which cannot be asked for", word.offset)

"""Methods that move states, stream, search and delete softly are read from the contract, and held to their shapes."""

from __future__ import annotations

import pytest

from services.chassis.contract import Standard, StandardKind, Transition
from tests.unit.chassis.contract.lending import LENDING, RECORD, RETURN_MOVE, STATE, WATCH_REQUEST, lending
from tests.unit.chassis.contract.library import FILE, load, problems_of

SERVICE = "library.v1.LibraryService"
LOAN = "library.v1.Loan"


def test_each_method_is_found_by_its_shape() -> None:
    contract = load({FILE: LENDING})
    found = {method.name: method.standard for method in contract.methods.values() if "Loan" in method.name}
    kinds = {
        "ReturnLoan": StandardKind.TRANSITION,
        "SearchLoans": StandardKind.SEARCH,
        "DeleteLoan": StandardKind.DELETE,
        "UndeleteLoan": StandardKind.UNDELETE,
        "BatchDeleteLoans": StandardKind.BATCH_DELETE,
        "WatchLoans": StandardKind.WATCH,
    }
    assert found == {name: Standard(kind=kind, record=LOAN) for name, kind in kinds.items()}


def test_a_move_is_read_with_its_states_and_its_name() -> None:
    method = load({FILE: LENDING}).methods[f"/{SERVICE}/ReturnLoan"]
    assert method.transitions == (Transition(field="state", sources=(1, 2), target=3, name="returned"),)


def test_how_long_a_hidden_row_is_kept_is_read() -> None:
    record = load({FILE: LENDING}).records_by_message[LOAN]
    assert (record.soft_delete, record.keep_deleted) == (True, 86400.0)


MISTAKES = {
    "a state that clients may set": (
        STATE,
        "LoanState state = 2;",
        f"{SERVICE}.ReturnLoan",
        "which clients may set past it",
    ),
    "a move of nothing": (
        'field: "state"',
        'field: "status"',
        f"{SERVICE}.ReturnLoan",
        "'status', which is no enum field",
    ),
    "a move of a text": ('field: "state"', 'field: "note"', f"{SERVICE}.ReturnLoan", "'note', which is no enum field"),
    "a move from nowhere": (
        'from: "LOAN_STATE_OPEN" from: "LOAN_STATE_OVERDUE"',
        "",
        f"{SERVICE}.ReturnLoan",
        "no state to move from",
    ),
    "a move to an unknown state": (
        'to: "LOAN_STATE_RETURNED"',
        'to: "RETURNED"',
        f"{SERVICE}.ReturnLoan",
        "the state 'RETURNED', which library.v1.LoanState does not have",
    ),
    "a move of another answer": (
        "rpc ReturnLoan(ReturnLoanRequest) returns (Loan)",
        "rpc ReturnLoan(ReturnLoanRequest) returns (BatchDeleteLoansRequest)",
        f"{SERVICE}.ReturnLoan",
        "does not answer with the record",
    ),
    "a move without a verb": (
        "{name=loans/*}:return",
        "{name=loans/*}",
        f"{SERVICE}.ReturnLoan",
        "has the path /library/v1/{name=loans/*}",
    ),
    "two moves of one field": (
        RETURN_MOVE,
        RETURN_MOVE + RETURN_MOVE,
        f"{SERVICE}.ReturnLoan",
        "move the same field",
    ),
    "a watch that answers once": (
        "returns (stream WatchLoansResponse)",
        "returns (WatchLoansResponse)",
        f"{SERVICE}.WatchLoans",
        "answers once",
    ),
    "a watch without a resume token": (
        WATCH_REQUEST,
        "message WatchLoansRequest {}",
        f"{SERVICE}.WatchLoans",
        "has no field 'resume_token'",
    ),
    "a change of another type": (
        "tenon.records.v1.ChangeType type = 1;",
        "string type = 1;",
        f"{SERVICE}.WatchLoans",
        "library.v1.LoanChange.type of type string",
    ),
    "a search with an order": (
        "string query = 1;",
        "string query = 1; string order_by = 9;",
        f"{SERVICE}.SearchLoans",
        "SearchLoansRequest.order_by",
    ),
    "a search of nothing": (RECORD, "{soft_delete: true}", f"{SERVICE}.SearchLoans", "names no fields to search"),
    "a soft deletion without an answer": (
        "rpc DeleteLoan(DeleteLoanRequest) returns (Loan)",
        "rpc DeleteLoan(DeleteLoanRequest) returns (google.protobuf.Empty)",
        f"{SERVICE}.DeleteLoan",
        "returns google.protobuf.Empty, which AIP-164 does not have",
    ),
}


@pytest.mark.parametrize(("old", "new", "element", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(old: str, new: str, element: str, message: str) -> None:
    (problem,) = problems_of({FILE: lending(old, new)})
    assert (problem.element, message in problem.message) == (element, True), problem
    assert problem.mend


def test_what_is_not_deleted_softly_is_not_brought_back() -> None:
    text = lending(RECORD, '{search: ["note"]}').replace(" bool show_deleted = 4;", "")
    wrong = {problem.element: problem.message for problem in problems_of({FILE: text})}
    assert "there is nothing to undelete" in wrong.pop(f"{SERVICE}.UndeleteLoan")
    assert wrong.keys() == {f"{SERVICE}.DeleteLoan", f"{SERVICE}.BatchDeleteLoans"}  # which must answer with nothing


def test_a_method_that_python_serves_is_held_to_no_shape() -> None:
    text = LENDING.replace("rpc GetBook(", "rpc BorrowBook(")
    (problem,) = problems_of({FILE: text})
    assert "no Python is written for it" in problem.message
    contract = load({FILE: text}, custom=(f"{SERVICE}.BorrowBook",))
    assert contract.methods[f"/{SERVICE}/BorrowBook"].standard is None

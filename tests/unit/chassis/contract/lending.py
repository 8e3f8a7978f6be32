"""The small contract with loans: a record with states that is deleted softly, and methods beside the first five."""

from __future__ import annotations

from tests.unit.chassis.contract.library import LIBRARY

_RULE = 'option (tenon.options.v1.rule) = {permission: "library.loans.VERB"};'

RETURN_MOVE = """option (tenon.options.v1.transition) = {
      field: "state" from: "LOAN_STATE_OPEN" from: "LOAN_STATE_OVERDUE" to: "LOAN_STATE_RETURNED"
    };"""
STATE = "LoanState state = 2 [(google.api.field_behavior) = OUTPUT_ONLY];"
RECORD = '{soft_delete: true keep_deleted: {seconds: 86400} search: ["note"]}'
WATCH_REQUEST = "message WatchLoansRequest { string resume_token = 1; string filter = 2; }"

METHODS = f"""
  rpc ReturnLoan(ReturnLoanRequest) returns (Loan) {{
    {_RULE.replace("VERB", "return")}
    {RETURN_MOVE}
    option (google.api.http) = {{post: "/library/v1/{{name=loans/*}}:return" body: "*"}};
  }}
  rpc SearchLoans(SearchLoansRequest) returns (SearchLoansResponse) {{
    {_RULE.replace("VERB", "search")}
    option (google.api.http) = {{get: "/library/v1/loans:search"}};
  }}
  rpc DeleteLoan(DeleteLoanRequest) returns (Loan) {{
    {_RULE.replace("VERB", "delete")}
    option (google.api.http) = {{delete: "/library/v1/{{name=loans/*}}"}};
  }}
  rpc UndeleteLoan(UndeleteLoanRequest) returns (Loan) {{
    {_RULE.replace("VERB", "undelete")}
    option (google.api.http) = {{post: "/library/v1/{{name=loans/*}}:undelete" body: "*"}};
  }}
  rpc BatchDeleteLoans(BatchDeleteLoansRequest) returns (BatchDeleteLoansResponse) {{
    {_RULE.replace("VERB", "delete")}
    option (google.api.http) = {{post: "/library/v1/loans:batchDelete" body: "*"}};
  }}
  rpc WatchLoans(WatchLoansRequest) returns (stream WatchLoansResponse) {{
    {_RULE.replace("VERB", "watch")}
    option (google.api.http) = {{get: "/library/v1/loans:watch"}};
  }}
}}
"""

MESSAGES = f"""
message Loan {{
  option (google.api.resource) = {{type: "library.example.com/Loan" pattern: "loans/{{loan}}" plural: "loans"}};
  option (tenon.options.v1.record) = {RECORD};
  string name = 1;
  {STATE}
  string note = 3;
  google.protobuf.Timestamp delete_time = 4 [(google.api.field_behavior) = OUTPUT_ONLY];
}}
enum LoanState {{
  LOAN_STATE_UNSPECIFIED = 0;
  LOAN_STATE_OPEN = 1;
  LOAN_STATE_OVERDUE = 2;
  LOAN_STATE_RETURNED = 3;
}}
message ReturnLoanRequest {{ string name = 1; string etag = 2; }}
message SearchLoansRequest {{ string query = 1; int32 page_size = 2; string page_token = 3; bool show_deleted = 4; }}
message SearchLoansResponse {{ repeated Loan loans = 1; string next_page_token = 2; }}
message DeleteLoanRequest {{ string name = 1; bool allow_missing = 2; }}
message UndeleteLoanRequest {{ string name = 1; }}
message BatchDeleteLoansRequest {{ repeated string names = 1; }}
message BatchDeleteLoansResponse {{ repeated Loan loans = 1; }}
{WATCH_REQUEST}
message WatchLoansResponse {{
  repeated LoanChange changes = 1;
  string resume_token = 2;
  tenon.records.v1.WatchState state = 3;
  google.rpc.Status error = 4;
}}
message LoanChange {{ tenon.records.v1.ChangeType type = 1; Loan loan = 2; google.protobuf.Timestamp change_time = 3; }}
"""

_IMPORTS = """import "google/protobuf/timestamp.proto";
import "google/rpc/status.proto";
import "tenon/records/v1/watch.proto";
import "tenon/options/v1/options.proto";
"""

LENDING = (
    LIBRARY.replace('import "tenon/options/v1/options.proto";\n', _IMPORTS).replace(
        "}\nmessage GetBookRequest", METHODS.lstrip("\n") + "message GetBookRequest"
    )
    + MESSAGES
)
"""The library, and loans beside it."""


def lending(old: str, new: str) -> str:
    """Return the contract with one piece of its text changed."""
    assert LENDING.count(old) == 1, f"{old!r} is in the contract {LENDING.count(old)} times"
    return LENDING.replace(old, new)

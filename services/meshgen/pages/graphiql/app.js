// GraphiQL over this edge's GraphQL. The token is kept in this tab alone, and sent to this edge alone.
"use strict";

const KEY = "tenon-token";
const ENDPOINT = "/data/v1/graphql";
const FIRST = `# Ctrl-Space completes, Ctrl-Enter runs.

query Airports {
  airports(first: 3) {
    nodes {
      name
      displayName
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

function readToken() {
  return sessionStorage.getItem(KEY) ?? "";
}

async function ask(params, options) {
  const token = readToken();
  const headers = { ...(options?.headers ?? {}), "content-type": "application/json", accept: "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(params) });
  return answer.json();
}

let opened = 0;

/** Draw GraphiQL anew: another caller may see another schema. */
function draw() {
  opened += 1;
  const settings = { key: opened, fetcher: ask, defaultQuery: FIRST, defaultEditorToolsVisibility: "variables", isHeadersEditorEnabled: false };
  ReactDOM.render(React.createElement(GraphiQL, settings), document.getElementById("graphiql"));
}

function show() {
  document.getElementById("state").textContent = readToken() ? "A token is set." : "No token is set.";
}

function keep(text) {
  const token = text.trim().replace(/^Bearer\s+/i, "");
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
  document.getElementById("token").value = "";
  show();
  draw();
}

document.getElementById("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(document.getElementById("token").value);
});
document.getElementById("forget").addEventListener("click", () => keep(""));
show();
draw();

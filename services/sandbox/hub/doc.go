// Package hub is the sandbox's distribution hub (전자문서 유통허브): it serves the hub interface as publicly known over real sockets,
// keeps its state in a PostgreSQL schema of its own and can be told to misbehave by scenarios.
//
// What it promises a relay:
//   - every call under /auth and /api is answered HTTP 200 with resultCode 1 or 0;
//     other statuses mean that the hub itself is out of order or the path unknown;
//   - dates are KST "YYYY-MM-DD HH:MM:SS"; equal times are in order;
//   - a batch (1 to 500 items) is judged item by item, answered in the order of
//     the request, and done by one statement;
//   - the first registration of a document number stays for ever; any repetition,
//     with the same or with other content, answers 2;
//   - the address history is bitemporal: nothing recorded is overwritten.
//
// Paths and codes that no public source shows are marked "ours" in the code and listed in README.md. Everything under /sandbox is
// for operators and tests and asks for the admin token. Personal data is stored as received, never logged.
package hub

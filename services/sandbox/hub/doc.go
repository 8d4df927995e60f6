// Package hub is the sandbox's distribution hub (전자문서 유통허브). It serves the publicly known part of the hub interface over real
// sockets, keeps its state in its own PostgreSQL schema, and misbehaves when scenarios ask for it.
//
// Its promises to a relay:
//   - every call under /auth and /api is answered with HTTP 200 and resultCode 1 or 0;
//     any other status means that the hub itself fails or the path is unknown;
//   - dates are KST "YYYY-MM-DD HH:MM:SS"; equal times are in order;
//   - a batch (1 to 500 items) is judged item by item, processed by one statement,
//     and answered in the order of the request;
//   - the first registration of a document number stays for ever; any repetition,
//     with the same or other content, gets result 2;
//   - the address history is bitemporal: no record is overwritten.
//
// Paths and codes that no public source shows are marked "ours" in the code and listed in README.md. Everything under /sandbox is
// for operators and tests, and requires the admin token. Personal data is stored as received and never logged.
package hub

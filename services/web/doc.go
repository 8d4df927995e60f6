// Package web is the unit of the pages: what people see of the relay in a browser (guide 4.1 and 4.2: 본인확인, 수신함, 열람, 발송).
//
// It decides nothing that an API does not decide. A person signs in at the identity provider; the unit keeps the person's token,
// sealed, in a session of the server, and calls the other units with it as the public doors would, so that no page can do what
// the API cannot. The browser holds a random id only.
//
//	(no session) ── GET /signin ──► identity provider ── GET /signin/callback ──► session, new id
//	session ── acts for an organisation, or for itself again ──► session, new id
//	session ── sign out, ended from another device, token expired, authority ended ──► (no session)
//
// What somebody prepares to send as many documents at once, a draft, outlives its session; its states are in draft.go.
//
// Forms work without script. Every answer carries the same Content-Security-Policy, and no-store.
package web

// Package gateway is the unit at Naru's two public doors: REST (with the OAuth2 token endpoint) and gRPC.
//
// It owns the principals of this relay except recipients: sending institutions, viewing systems and the operator, their client
// credentials and which senders each viewing system serves. It gives access tokens, and it passes calls on to the units with the
// caller's token, which the unit verifies again: nothing is decided here that the unit does not decide once more.
//
// A call at either door is judged in the same order: route or method is one of the catalogue (public or open by its access option),
// access token, kind and scope, quota. Only then is a body read.
//
// An institution's way to its certified address:
//
//	CreateInstitution ── one transaction ──> principal, credentials, PrincipalChanged and private facts, address_registration "due"
//	due ── address.RegisterOrganisation took it ──> taken    (documents are erased here)
//	due ── ADDRESS_TAKEN ──────────────────────────> refused  (documents are erased here)
//	due ── anything else ──────────────────────────> due, later
//	taken, and the hub refused the address; refused ── ResubmitInstitution ──> due, with the next submission's name and documents
//
// Submissions are numbered, and so is what is said of them to and by the address unit: nothing late of one settles a later one, and the
// hub is asked once for each.
package gateway

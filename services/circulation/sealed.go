package circulation

import "github.com/naru-relay/naru/pkg/sealed"

// sealedReason is why an operator took the hub's answer about a circulation record as it was.
const sealedReason sealed.Purpose = "circulation.ruling_reason"

// sealedTitle is a document's title, which intake seals; the hub is told it.
const sealedTitle sealed.Purpose = "intake.title"

func seals() []sealed.Rule {
	return []sealed.Rule{{Purpose: sealedReason, Readers: []string{domain}}}
}

func opens() []sealed.Purpose { return []sealed.Purpose{sealedTitle} }

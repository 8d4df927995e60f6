package delivery

import "github.com/naru-relay/naru/pkg/sealed"

// sealedTitle is a document's title, which intake seals; the inbox shows it.
const sealedTitle sealed.Purpose = "intake.title"

// sealedContact is how a recipient who is a member nowhere can be invited; intake seals it.
const sealedContact sealed.Purpose = "intake.contact"

func opens() []sealed.Purpose { return []sealed.Purpose{sealedTitle, sealedContact} }

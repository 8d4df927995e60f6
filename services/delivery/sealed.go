package delivery

import "github.com/naru-relay/naru/pkg/sealed"

// sealedTitle is a document's title, which intake seals; the inbox shows it.
const sealedTitle sealed.Purpose = "intake.title"

func opens() []sealed.Purpose { return []sealed.Purpose{sealedTitle} }

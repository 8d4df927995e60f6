package viewing

import "github.com/naru-relay/naru/pkg/sealed"

// sealedRecipient is the sender's own identifier of the recipient, which intake seals; the viewing system is told it with a
// verified token.
const sealedRecipient sealed.Purpose = "intake.viewing_identifier"

func opens() []sealed.Purpose { return []sealed.Purpose{sealedRecipient} }

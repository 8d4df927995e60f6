package web

import (
	"time"

	"github.com/naru-relay/naru/pkg/sealed"
)

// sealedSession is what a session lets do: the tokens of the person and of the organisation for which it acts.
const sealedSession sealed.Purpose = "web.session"

// sealedDraft is what somebody prepares to send: the files, the rows with their recipients, and which of them were refused. The
// subject is the draft and the part.
const sealedDraft sealed.Purpose = "web.draft"

// draftKeyLife is longer than any draft that begins in a key's month.
const draftKeyLife = 2 * draftLife

// sessionKeyLife is longer than any session that begins in a key's month.
const sessionKeyLife = 2 * 24 * time.Hour

func seals() []sealed.Rule {
	return []sealed.Rule{
		{Purpose: sealedSession, Readers: []string{domain}, Life: sessionKeyLife},
		{Purpose: sealedDraft, Readers: []string{domain}, Life: draftKeyLife},
	}
}

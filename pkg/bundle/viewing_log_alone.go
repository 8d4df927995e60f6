package bundle

import (
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

// ViewingLogSummary is what an extract of a viewing log says of itself. It is worth what the checks say.
type ViewingLogSummary struct {
	// Relay is whose key signed it, by the name of the verifier's trust; empty if no trusted one did.
	Relay string `json:"relay,omitempty"`
	viewinglog.Log
}

// Opened tells how often the document was opened, and when it was read; empty for not.
func (s *ViewingLogSummary) Opened() (times int, readAt string) {
	for _, e := range s.Entries {
		if e.OpenedAt != "" {
			times++
		}
		if e.ReadAt != "" {
			readAt = e.ReadAt
		}
	}
	return times, readAt
}

func (v *verification) viewingLogAlone(text string) error {
	published, of := v.opts.Trust.relayKeys(keys.ViewingLog)
	if len(published) == 0 {
		return fmt.Errorf("%w: relays with keys for viewing logs are required", ErrNobodyTrusted)
	}
	judged, err := viewinglog.Judge(text, published)
	read := judged.Log != nil
	for _, row := range []struct {
		id     string
		check  proof.Check
		detail string
		made   bool
	}{
		{CheckViewingLogForm, viewinglog.ErrForm, "it is no extract of a viewing log in its one spelling", read},
		{CheckViewingLogSignature, viewinglog.ErrSignature, "it is no signature of an extract, or not the relay's", published[judged.KeyID] != nil},
		{CheckViewingLogKey, viewinglog.ErrKey, "no trusted relay published the key for viewing logs", judged.KeyID != ""},
		{CheckViewingLogNumbers, viewinglog.ErrNumbers, "entries are missing or there twice, or the document number is none of that time", read},
		{CheckViewingLogTimes, viewinglog.ErrTimes, "the times do not follow each other", read && judged.Log.Dated()},
	} {
		v.judgeText(row.id, err, []proof.Check{row.check}, row.detail, row.made)
	}
	if len(v.opts.Attachments) > 0 {
		v.notCheckable(CheckPresentedAttachments, "a viewing log names no attachments")
	}
	if read {
		v.checkLog(judged.Log, of[judged.KeyID], judged.KeyID)
	}
	v.usesKey(published[judged.KeyID])
	return nil
}

// checkLog holds what an extract says to the time, to that of its key, and to the presented document.
func (v *verification) checkLog(l *viewinglog.Log, by Relay, keyID string) {
	v.report.ViewingLog = &ViewingLogSummary{Relay: by.Name, Log: *l}
	if v.opts.Document != "" {
		v.hold(CheckViewingLogDocument, "", l.DocumentHash.Algorithm == sha256Name && strings.EqualFold(l.DocumentHash.Value, v.opts.Document))
	}
	made, err := viewinglog.ParseTime(l.MadeAt)
	if err != nil {
		return // its form says so
	}
	v.checkKeyTime(CheckViewingLogValidity, by, keyID, made)
	if made.After(v.at.Add(clocksDiffer)) {
		v.fail(CheckViewingLogMade, "", "it was made at a time that is still to come")
		return
	}
	v.pass(CheckViewingLogMade)
}

package bundle

import (
	"fmt"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/receipt"
)

// ReceiptSummary is what a receipt says of itself. It is worth what the checks say.
type ReceiptSummary struct {
	// Relay is whose key signed it, by the name of the verifier's trust; empty if no trusted one did.
	Relay string `json:"relay,omitempty"`
	receipt.Claims
}

func (v *verification) receiptAlone(text string) error {
	published, of := v.opts.Trust.relayKeys(keys.Receipt)
	if len(published) == 0 {
		return fmt.Errorf("%w: relays with keys for receipts are required", ErrNobodyTrusted)
	}
	judged, err := receipt.Judge(text, published)
	for _, row := range []struct {
		id     string
		checks []proof.Check
		detail string
		made   bool
	}{
		{CheckReceiptForm, []proof.Check{receipt.ErrForm}, "it is not signature~claims~index~path, each in its one spelling", true},
		{CheckReceiptSignature, []proof.Check{receipt.ErrSignature}, "it is no signature of a receipt, or not the relay's", published[judged.KeyID] != nil},
		{CheckReceiptKey, []proof.Check{receipt.ErrKey}, "no trusted relay published the key for receipts", judged.KeyID != ""},
		{CheckReceiptInclusion, []proof.Check{receipt.ErrStatement, receipt.ErrInclusion}, "what it states is not in the batch that was signed", judged.Included},
		{CheckReceiptClaims, []proof.Check{receipt.ErrClaims}, "it does not state what receipts do", judged.Claims != nil},
	} {
		v.judgeText(row.id, err, row.checks, row.detail, row.made)
	}
	if len(v.opts.Attachments) > 0 {
		v.notCheckable(CheckPresentedAttachments, "a receipt names no attachments")
	}
	if judged.Claims != nil {
		v.checkClaims(judged.Claims, of[judged.KeyID], judged.KeyID)
	}
	v.usesKey(published[judged.KeyID])
	return nil
}

// checkClaims holds what a receipt says to itself, to the key's time and to the presented document.
func (v *verification) checkClaims(claims *receipt.Claims, by Relay, keyID string) {
	v.report.Receipt = &ReceiptSummary{Relay: by.Name, Claims: *claims}
	accepted, dated := claims.Accepted()
	if !dated {
		delete(v.found, CheckReceiptClaims)
		v.fail(CheckReceiptClaims, "", "its time is not in the form of receipts")
		return
	}
	v.checkKeyTime(CheckReceiptValidity, by, keyID, accepted)
	number, err := id.ParseEdocNumber(claims.EdocNum)
	if day := number.Date(); err != nil || !day.Equal(dayOf(accepted)) {
		v.fail(CheckReceiptNumber, "", "it is no document number of that day")
	} else {
		v.pass(CheckReceiptNumber)
	}
	if accepted.After(v.at.Add(clocksDiffer)) {
		v.fail(CheckReceiptTime, "", "it states a time that is still to come")
	} else {
		v.pass(CheckReceiptTime)
	}
	if v.opts.Document != "" {
		v.hold(CheckReceiptDocument, "", claims.DocumentHash.Algorithm == sha256Name && strings.EqualFold(claims.DocumentHash.Value, v.opts.Document))
	}
}

// dayOf a time is a document number's date: midnight in Korea.
func dayOf(at time.Time) time.Time {
	at = at.In(id.KST)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, id.KST)
}

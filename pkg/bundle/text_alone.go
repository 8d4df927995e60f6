package bundle

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/receipt"
)

// jwsBegins is how the header of every JWS of a relay begins: {"alg in base64url.
const jwsBegins = "eyJ"

// textAlone judges a file that is a text signed by a relay; false for one that does not begin as one.
func (v *verification) textAlone(from io.ReaderAt, size int64) (bool, error) {
	begin := make([]byte, min(size, int64(len(jwsBegins))))
	if _, err := from.ReadAt(begin, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read its beginning: %w", err)
	}
	if string(begin) != jwsBegins {
		return false, nil
	}
	v.report.Kind = KindReceipt
	// One line end is what a text file has at its end.
	content, err := whole(from, size, receipt.MaxBytes+2)
	if err != nil {
		return true, err
	}
	if err := v.receiptAlone(lineOf(content)); err != nil {
		return true, err
	}
	v.checkAlgorithms()
	return true, nil
}

// lineOf is a file's content without the line end at its end.
func lineOf(content []byte) string {
	for _, end := range []string{"\r\n", "\n"} {
		if line, ended := bytes.CutSuffix(content, []byte(end)); ended {
			return string(line)
		}
	}
	return string(content)
}

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

// judgeText tells what came of a check of a text; one that was not made stays not checkable.
func (v *verification) judgeText(id string, err error, failing []proof.Check, detail string, made bool) {
	switch {
	case len(proof.Failed(err, failing...)) > 0:
		v.fail(id, "", detail)
	case made:
		v.pass(id)
	}
}

// usesKey notes with what a text was signed. Nothing proves when but the text itself, so the algorithm has to be suitable now.
func (v *verification) usesKey(key *ecdsa.PublicKey) {
	if key != nil {
		v.used = append(v.used, use{keyName(key), v.at}, use{crypto.SHA256.String(), v.at})
	}
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

// sha256Name is how the relay names the digest of documents.
const sha256Name = "SHA-256"

// checkKeyTime: what states a time after its key ended is not the relay's word.
func (v *verification) checkKeyTime(id string, by Relay, keyID string, stated time.Time) {
	if by.Name == "" {
		return
	}
	if ended, known := by.Ended[keyID]; known && !stated.Before(ended) {
		v.fail(id, "", "the key had ended by the time that is stated")
		return
	}
	v.pass(id)
}

// dayOf a time is a document number's date: midnight in Korea.
func dayOf(at time.Time) time.Time {
	at = at.In(id.KST)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, id.KST)
}

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

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

// jwsBegins is how the header of every JWS of a relay begins: {"alg in base64url.
const jwsBegins = "eyJ"

// maxHead is more than the signature of a receipt has.
const maxHead = 512

// textAlone judges a file that is a text signed by a relay; false for one that does not begin as one.
func (v *verification) textAlone(from io.ReaderAt, size int64) (bool, error) {
	head := make([]byte, min(size, maxHead))
	if _, err := from.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read its beginning: %w", err)
	}
	if !strings.HasPrefix(string(head), jwsBegins) {
		return false, nil
	}
	most, judge := int64(receipt.MaxBytes), v.receiptAlone
	if v.report.Kind = kindOf(string(head)); v.report.Kind == KindViewingLog {
		most, judge = viewinglog.MaxBytes, v.viewingLogAlone
	}
	content, err := whole(from, size, most+int64(len(lineEnds[0])))
	if err != nil {
		return true, err
	}
	if err := judge(lineOf(content)); err != nil {
		return true, err
	}
	v.checkAlgorithms()
	return true, nil
}

// kindOf a text is said in its header; of one that does not say it, only a receipt has parts.
func kindOf(head string) Kind {
	header, _, _ := strings.Cut(head, ".")
	said, _ := jws.DecodePart(header) // what is none says nothing
	switch {
	case strings.Contains(string(said), receipt.Type):
		return KindReceipt
	case !strings.Contains(string(said), viewinglog.Type) && strings.Contains(head, "~"):
		return KindReceipt
	default:
		return KindViewingLog
	}
}

// lineEnds are what a text file may have at its end, once.
var lineEnds = [...]string{"\r\n", "\n"}

// lineOf is a file's content without the line end at its end.
func lineOf(content []byte) string {
	for _, end := range lineEnds {
		if line, ended := bytes.CutSuffix(content, []byte(end)); ended {
			return string(line)
		}
	}
	return string(content)
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

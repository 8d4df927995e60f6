package viewinglog

import (
	"crypto/ecdsa"
	"errors"
	"strings"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

// What can be wrong with an extract. No failure repeats its content.
var (
	// ErrForm: not a JWS over one Log in its one spelling, or a field is not in its form.
	ErrForm = proof.Check{Of: "viewing log", Name: "form"}
	// ErrKey: the key that the signature names is not published for extracts.
	ErrKey = proof.Check{Of: "viewing log", Name: "key"}
	// ErrSignature: another header than an extract's, or not by that key.
	ErrSignature = proof.Check{Of: "viewing log", Name: "signature"}
	// ErrNumbers: entries are missing or there twice, or the document number is none of that time.
	ErrNumbers = proof.Check{Of: "viewing log", Name: "numbers"}
	// ErrTimes: the times do not follow each other.
	ErrTimes = proof.Check{Of: "viewing log", Name: "times"}
)

func failed(check proof.Check, detail string) error {
	return &proof.Failure{Check: check, Detail: detail}
}

// Judged is what an extract says. It counts only if nothing failed.
type Judged struct {
	// Log is nil where it cannot be read.
	Log *Log
	// KeyID names the key of the signature; empty where it cannot be read.
	KeyID string
}

// Judge makes every check of an extract that can be made with keys by their ids, and reads what can be read. Its error joins a
// *proof.Failure for each check that failed.
func Judge(text string, published map[string]*ecdsa.PublicKey) (Judged, error) {
	var j Judged
	if len(text) > MaxBytes {
		return j, failed(ErrForm, "too large")
	}
	var problems []error
	signed, err := profile.Parse(text, &struct{}{})
	switch {
	case errors.Is(err, jws.ErrHeader):
		problems = append(problems, &proof.Failure{Check: ErrSignature, Detail: "not a JWS of viewing logs", Cause: err})
	case err != nil:
		problems = append(problems, &proof.Failure{Check: ErrForm, Detail: "not a JWS", Cause: err})
	default:
		j.KeyID = signed.KeyID
		if key := published[j.KeyID]; key == nil {
			problems = append(problems, failed(ErrKey, "not published for viewing logs"))
		} else if err := signed.Verify(key); err != nil {
			problems = append(problems, &proof.Failure{Check: ErrSignature, Detail: "not the relay's", Cause: err})
		}
	}
	l, err := read(text)
	if err != nil {
		return j, errors.Join(append(problems, err)...)
	}
	j.Log = l
	return j, errors.Join(append(problems, l.form(), l.numbers(), l.times())...)
}

// read reads the content, whoever signed it.
func read(text string) (*Log, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, failed(ErrForm, "not three parts")
	}
	raw, err := jws.DecodePart(parts[1])
	if err != nil {
		return nil, failed(ErrForm, "the content is not base64url")
	}
	var l Log
	if err := proof.Decode(raw, &l); err != nil {
		return nil, &proof.Failure{Check: ErrForm, Detail: "the content is none of viewing logs, or in another spelling", Cause: err}
	}
	return &l, nil
}

package distcert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms"
)

// timeStampFilter names a document time stamp.
const timeStampFilter = "ETSI.RFC3161"

// forTimeStamps are the options for time stamps that were added.
func (o Options) forTimeStamps() cms.VerifyOptions {
	return cms.VerifyOptions{
		Kind: cms.TimeStampToken, Roots: cmp.Or(o.TimeStampRoots, o.Roots), At: o.At, MaxBytes: maxSignatureBytes, RequireBinding: true,
		Cache: o.Cache, Revocations: o.Revocations,
	}
}

// judgeField judges a new field: it shows nothing, and is a time stamp over everything up to the end of its revision.
func (u *updates) judgeField(field dict, r revision) (time.Time, error) {
	for key := range field {
		if !slices.Contains([]pdfName{"Type", "Subtype", "FT", "T", "V", "F", "P", "Rect"}, key) {
			return time.Time{}, errors.New("a new field has an entry that is not accepted")
		}
	}
	if characters(field["T"]) == "" {
		return time.Time{}, errors.New("a new field has no name")
	}
	for _, object := range u.current {
		if other, ok := object.(dict); ok && other["FT"] != nil && characters(other["T"]) == characters(field["T"]) {
			return time.Time{}, errors.New("a new field has the name of another one")
		}
	}
	nothing := array{float64(0), float64(0), float64(0), float64(0)}
	value, ok := field["V"].(reference)
	if !ok || !same(field["FT"], pdfName("Sig")) || !same(field["Rect"], nothing) {
		return time.Time{}, errors.New("a new field is no time stamp, or is shown")
	}
	stamp, ok := r.objects[int(value)].(dict)
	if _, known := u.current[int(value)]; !ok || known {
		return time.Time{}, errors.New("a new field has no value of its own")
	}
	for key := range stamp {
		if !slices.Contains([]pdfName{"Type", "Filter", "SubFilter", "ByteRange", "Contents", "V"}, key) {
			return time.Time{}, errors.New("a time stamp has an entry that is not accepted")
		}
	}
	if !same(stamp["Type"], pdfName("DocTimeStamp")) || !same(stamp["SubFilter"], pdfName(timeStampFilter)) {
		return time.Time{}, errors.New("a new field is no time stamp")
	}
	contents, ok := stamp["Contents"].(hexText)
	covered := array{float64(0), float64(contents.from), float64(contents.to), float64(r.end - contents.to)}
	if !ok || !same(stamp["ByteRange"], covered) {
		return time.Time{}, errors.New("a time stamp does not cover everything before its revision's end")
	}
	raw, err := hex.DecodeString(contents.digits)
	if err != nil {
		return time.Time{}, errors.New("value of a time stamp is not hexadecimal")
	}
	token, failure := trimPadding(raw)
	if failure != nil {
		return time.Time{}, failure
	}
	return u.judgeToken(token, contents, r.end)
}

func (u *updates) judgeToken(token []byte, contents hexText, end int) (time.Time, error) {
	signed, err := cms.Verify(token, nil, u.time)
	if err != nil {
		return time.Time{}, fmt.Errorf("time stamp: %w", err)
	}
	a, err := attestation.TimeStamp(signed)
	if err != nil {
		return time.Time{}, fmt.Errorf("time stamp: %w", err)
	}
	digest := sha256.New()
	digest.Write(u.pdf[:contents.from])
	digest.Write(u.pdf[contents.to:end])
	if hex.EncodeToString(digest.Sum(nil)) != a.Hash {
		return time.Time{}, errors.New("a time stamp is over something else")
	}
	if a.At.Before(signed.Signer.NotBefore) || a.At.After(signed.Signer.NotAfter) || a.At.After(u.time.At.Add(time.Minute)) {
		return time.Time{}, errors.New("time of a time stamp is in the future, or outside its signer's validity")
	}
	return a.At, nil
}

package pades

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Trust says whose signatures and time stamps are believed.
type Trust struct {
	// Roots are the pinned roots of signers; required.
	Roots *x509.CertPool
	// Revocations are known beside those that signatures and the file carry; nil means none.
	Revocations *cms.Revocations
	// TimeStamps are believed; their roots are required.
	TimeStamps tsp.Trust
	// SubFilters are the accepted forms of signatures; default SubFilterPAdES alone.
	SubFilters []string
	// Cache of verified signers; may be nil.
	Cache *cms.ChainCache
}

// ahead is how far a signer's clock may be ahead of the one that proves the time.
const ahead = 5 * time.Minute

// verification is one that is under way.
type verification struct {
	findings
	trust  Trust
	file   *File
	report *Report
	seals  []*sealed
	store  store
}

// sealed is a signature or document time stamp that was found.
type sealed struct {
	Signature
	findings
	seal
	value  []byte
	values dict // its dictionary; nil where the revision was not parsed
	// stamped tells that a time stamp of its own holds; signers are those of both.
	stamped bool
	signers []*x509.Certificate
}

// Verify judges every signature of a PDF and every revision that follows the first of them, as seen at a time. It makes every
// check that can be made. A file that nobody who is trusted signed first is not parsed: its structure is then not checkable.
// Signatures that a time stamp covers are judged as of that time stamp. A file whose first signature is a document time stamp is
// not accepted. Anybody under the pinned roots may have signed: whether they are who should have, is the caller's to judge by
// Signature.Certificate.
//
// Every signature is over all before it, so the work grows with the number of both; who judges strangers' files bounds their
// size.
//
// The error says that nothing could be judged, because nobody is trusted.
func Verify(pdf []byte, trust Trust, at time.Time) (*Report, error) {
	if trust.Roots == nil || trust.TimeStamps.Roots == nil || at.IsZero() {
		return nil, errors.New("verify PDF: roots of signers and of time stamps, and a time are required")
	}
	if len(trust.SubFilters) == 0 {
		trust.SubFilters = []string{SubFilterPAdES}
	}
	digest := sha256.Sum256(pdf)
	v := &verification{
		findings: findings{}, trust: trust,
		report: &Report{Kind: "pdf", Digest: hex.EncodeToString(digest[:]), Size: len(pdf), VerifiedAt: at.UTC(), Signatures: []Signature{}},
	}
	var err error
	v.file, err = Open(pdf)
	if v.judge(CheckFile, err) {
		v.judge(CheckUpdates, v.file.Rest)
		v.examine(at)
		v.judgeSeals(at)
		v.grade()
	}
	v.finish()
	return v.report, nil
}

// examine finds the signatures, and looks at what each revision changed.
func (v *verification) examine(at time.Time) {
	first := &sealed{Signature: Signature{Kind: KindSignature}, findings: findings{}, seal: v.file.first, value: v.file.CMS}
	v.seals = append(v.seals, first)
	var h *history
	if !v.readable(at) {
		v.notCheckable(CheckStructure, "the first signature is not one of somebody who is trusted, or does not hold: the file is not parsed")
	} else if document, err := v.file.Document(); v.judge(CheckStructure, err) {
		first.values, _ = objectOf(document.Signature).(dict)
		if h, err = document.history(); err != nil {
			v.fail(CheckStructure, err.Error())
		}
	}
	for i, r := range v.file.later {
		j := judged{Revision: Revision{End: r.end}}
		if h != nil {
			j = h.take(r)
		} else {
			j.added = loose(r)
		}
		if h != nil && len(j.Changes) > 0 {
			v.fail(CheckChanges, fmt.Sprintf("update %d: %s", i+1, strings.Join(j.Changes, "; ")))
		}
		v.report.Revisions = append(v.report.Revisions, j.Revision)
		if j.added == nil || j.added.value == nil {
			continue
		}
		kind := KindSignature
		if j.added.stamp {
			kind = KindDocumentTimeStamp
		}
		v.seals = append(v.seals, &sealed{
			Signature: Signature{Kind: kind, Revision: i + 1}, findings: findings{}, seal: j.added.seal, value: j.added.value, values: j.added.values,
		})
	}
	if h == nil {
		v.notCheckable(CheckChanges, "the first signed revision could not be examined")
		return
	}
	v.pass(CheckChanges)
	v.judgeCertification(h, first)
	v.store = h.store()
	if v.store.err != nil {
		v.fail(CheckValidationData, v.store.err.Error())
	} else if v.store.there {
		v.pass(CheckValidationData)
	}
}

// readable reports whether the first revision is wholly the work of somebody who is trusted to sign; whether they still were, is
// judged later.
func (v *verification) readable(at time.Time) bool {
	_, err := cms.Judge(v.file.CMS, v.file.Content, cms.VerifyOptions{Roots: v.trust.Roots, At: at, Cache: v.trust.Cache})
	failed := cms.FailedChecks(err)
	return err == nil || len(failed) > 0 && !slices.ContainsFunc(failed, func(c cms.Check) bool { return c != cms.Validity && c != cms.Revocation })
}

// loose finds the signature of a revision whose predecessor is not known.
func loose(r revision) *addition {
	for _, object := range r.objects {
		values, ok := object.(dict)
		if !ok || values["ByteRange"] == nil {
			continue
		}
		found := &addition{values: values, stamp: same(values["Type"], pdfName("DocTimeStamp"))}
		found.place(&judged{}, 0, r)
		return found
	}
	return nil
}

// judgeCertification holds what came later to what the first signer allowed.
func (v *verification) judgeCertification(h *history, first *sealed) {
	resolve := func(o any) any {
		if to, ok := o.(reference); ok {
			return h.current[int(to)]
		}
		return o
	}
	v.report.Permission = permissionOf(resolve, first.values)
	switch {
	case locksFields(resolve, first.values) && slices.ContainsFunc(v.report.Revisions, func(r Revision) bool { return r.Signature }):
		v.fail(CheckCertification, "a signature was added, and the first signer locked fields")
	case v.report.Permission == 0:
		v.notCheckable(CheckCertification, "the first signature certifies nothing")
	case v.report.Permission == 1 && slices.ContainsFunc(v.report.Revisions, func(r Revision) bool { return r.Signature }):
		v.fail(CheckCertification, "a signature was added, and the first signer allowed none")
	case v.Check(CheckChanges).Detail != "":
		v.fail(CheckCertification, "something was changed")
	default:
		v.pass(CheckCertification)
	}
}

// Check is what was found so far.
func (f findings) Check(id string) Check { return f[id] }

// judgeSeals judges the newest first: what a document time stamp covers is judged as of that.
func (v *verification) judgeSeals(at time.Time) {
	proven := false
	for _, s := range slices.Backward(v.seals) {
		s.Covers = s.end
		if s.Kind == KindDocumentTimeStamp {
			if token := v.judgeStamp(s, DocumentTimeStamp, s.value, v.file.covered(s.seal), at); token != nil {
				at, proven = token.At, true
				s.show(token.Signer, &token.At)
			}
			continue
		}
		v.judgeSignature(s, at, proven)
	}
}

func (s *sealed) show(signer *x509.Certificate, proven *time.Time) {
	s.Signer, s.Certificate, s.ProvenAt = signer.Subject.CommonName, signer, proven
}

// judgeStamp judges a time stamp; nil if it does not hold.
func (v *verification) judgeStamp(s *sealed, prefix string, der, over []byte, at time.Time) *tsp.Token {
	trust := v.trust.TimeStamps
	trust.Beside = v.store.data
	token, err := tsp.Judge(der, sha256.Sum256(over), trust, at)
	failed := tsp.FailedChecks(err)
	for _, check := range tsp.Checks() {
		switch {
		case slices.Contains(failed, check):
			s.fail(prefix+check.Name, "it does not hold")
		case token != nil:
			s.pass(prefix + check.Name)
		}
	}
	if err != nil {
		if len(failed) == 0 {
			s.fail(prefix+"form", "it cannot be read")
		}
		return nil
	}
	s.stamped, s.signers = true, append(s.signers, token.Signer)
	return token
}

// judgeSignature judges a signature and the time stamp in it, as of the time stamp if it holds, else as of a time by which it was
// there; proven tells that a later time stamp proves that.
func (v *verification) judgeSignature(s *sealed, at time.Time, proven bool) {
	message, err := cms.Read(s.value, maxValue)
	if err != nil {
		s.fail(CheckSignatureForm, "it is no signature of an accepted form")
		return
	}
	switch stamps := message.TimeStamps(); len(stamps) {
	case 0:
		for _, d := range stampDefinitions(SignatureTimeStamp, true) {
			s.notCheckable(d.ID, "there is none")
		}
	case 1:
		if token := v.judgeStamp(s, SignatureTimeStamp, stamps[0], message.SignatureValue(), at); token != nil {
			at, proven = token.At, true
		}
	default:
		s.fail(SignatureTimeStamp+"form", "there is more than one in the signature")
	}
	result, err := message.Judge(v.file.covered(s.seal), cms.VerifyOptions{
		Roots: v.trust.Roots, At: at, Cache: v.trust.Cache, Revocations: v.trust.Revocations, Beside: v.store.data,
		RequireBinding: !slices.Contains(v.trust.SubFilters, SubFilterPKCS7), // else by its form
	})
	s.take(result, err)
	if result == nil {
		return
	}
	var by *time.Time
	if proven {
		by = &at
	}
	s.show(result.Signer, by)
	s.signers = append(s.signers, result.Signer)
	v.judgeForm(s, result)
	s.judgeClaim(result, at)
}

// take says what came of the checks of the signature itself.
func (s *sealed) take(result *cms.Result, err error) {
	failed := cms.FailedChecks(err)
	for _, row := range []struct {
		id     string
		checks []cms.Check
		detail string
	}{
		{CheckSignatureForm, []cms.Check{cms.Format}, "it is no signature of an accepted form"},
		{CheckSignatureDigest, []cms.Check{cms.Digest}, "the file was changed after it was signed"},
		{CheckSignatureValue, []cms.Check{cms.Signature}, "it is not the signer's"},
		{CheckSignatureChain, []cms.Check{cms.Chain, cms.Usage}, "the signer is under no trusted root, or may not sign documents"},
		{CheckSignatureRevocation, []cms.Check{cms.Revocation}, "the signer was revoked or is distrusted"},
		{CheckSignatureValidity, []cms.Check{cms.Validity}, "the signer's certificate was not valid then"},
	} {
		switch {
		case slices.ContainsFunc(row.checks, func(c cms.Check) bool { return slices.Contains(failed, c) }):
			s.fail(row.id, row.detail)
		case row.id == CheckSignatureRevocation && len(failed) > 0:
			s.notCheckable(row.id, "the chain does not hold")
		case result != nil:
			s.pass(row.id)
		}
	}
	if err != nil && len(failed) == 0 {
		s.fail(CheckSignatureForm, "it cannot be judged")
	}
}

// judgeForm holds a signature to what the form demands that its dictionary names.
func (v *verification) judgeForm(s *sealed, result *cms.Result) {
	form, _ := s.values["SubFilter"].(pdfName)
	switch {
	case s.values == nil: // not parsed
	case !slices.Contains(v.trust.SubFilters, string(form)):
		s.fail(CheckSignatureForm, "it is not "+strings.Join(v.trust.SubFilters, " or "))
	case form == SubFilterPAdES && !result.Bound:
		s.fail(CheckSignatureForm, "it does not name its certificate")
	case form == SubFilterPAdES && !result.SigningTime.IsZero():
		s.fail(CheckSignatureForm, "it has a signing time in its signed attributes")
	}
}

// judgeClaim holds the time that the signer claims to what is known: their certificate's life, and the time by which the
// signature was there.
func (s *sealed) judgeClaim(result *cms.Result, at time.Time) {
	claimed := result.SigningTime
	if said, ok := types.DateTime(characters(s.values["M"]), false); ok && s.values != nil {
		claimed = said
	}
	if claimed.IsZero() {
		return
	}
	claimed = claimed.UTC()
	s.ClaimedAt = &claimed
	if claimed.After(at.Add(ahead)) || claimed.Before(result.Signer.NotBefore) || claimed.After(result.Signer.NotAfter) {
		s.fail(CheckSignatureValidity, "the claimed time is outside the signer certificate's life, or after it was there")
	}
}

// finish puts everything into the report.
func (v *verification) finish() {
	v.report.Checks, v.report.Valid = v.list(fileDefinitions)
	signatures := 0
	for _, s := range v.seals {
		definitions := signatureDefinitions
		if s.Kind == KindDocumentTimeStamp {
			definitions = stampDefinitions(DocumentTimeStamp, false)
		} else {
			signatures++
		}
		s.Checks, s.Valid = s.list(definitions)
		v.report.Valid = v.report.Valid && s.Valid
		v.report.Signatures = append(v.report.Signatures, s.Signature)
	}
	v.report.Valid = v.report.Valid && signatures > 0
}

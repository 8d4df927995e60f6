package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/tsp"
)

// maxManifest bounds what is read whole of a container beside its parts; parts have bounds of their own.
const maxManifest = 1 << 20

// Options of a verification.
type Options struct {
	// Trust is required.
	Trust *Trust
	// At is the time of the verification; required.
	At time.Time
	// Document and Attachments are the SHA-256 of what the verifier holds beside the bundle, to be compared with what is in it;
	// attachments in their order. Empty: nothing is compared.
	Document    string
	Attachments []string
	// AskHub asks the distribution hub whether both certificates are valid and about the document (guide 5.1.2 ❹); nil: it is not
	// asked. An error says that it did not answer.
	AskHub func(ctx context.Context, distribution, original []byte, document io.Reader) (valid bool, err error)
}

// verification is one that is under way.
type verification struct {
	*findings
	opts      Options
	container *asic.Container
	measures  map[string]asic.Measure
	statement *Statement
	report    *Report
	// at is the time as of which signature and certificates are judged.
	at time.Time
	// used collects what was signed with which algorithms, and when.
	used []use
}

// Verify judges a bundle, or something by itself: a PDF is a distribution certificate, what is DER a certificate of an archive,
// what begins as a JWS a receipt or an extract of a viewing log. An error says that nothing could be judged: the file could not
// be read, or nobody is trusted (ErrNobodyTrusted).
func Verify(ctx context.Context, from io.ReaderAt, size int64, opts Options) (*Report, error) {
	if opts.Trust == nil || opts.At.IsZero() {
		return nil, errors.New("verify bundle: whom to trust, and the time, are required")
	}
	whole, err := asic.MeasureOf(io.NewSectionReader(from, 0, size))
	if err != nil {
		return nil, fmt.Errorf("verify bundle: %w", err)
	}
	v := &verification{
		findings: newFindings(), opts: opts, measures: map[string]asic.Measure{}, at: opts.At,
		report: &Report{Format: ReportFormat, Kind: KindBundle, Digest: hex.EncodeToString(whole.SHA256[:]), Size: size, VerifiedAt: opts.At.UTC()},
	}
	if err := v.run(ctx, from, size); err != nil {
		return nil, fmt.Errorf("verify bundle: %w", err)
	}
	v.report.Checks, v.report.Valid = v.list(v.report.Kind)
	return v.report, nil
}

func (v *verification) run(ctx context.Context, from io.ReaderAt, size int64) error {
	if alone, err := v.textAlone(from, size); alone || err != nil {
		return err
	}
	if err := v.opts.Trust.complete(); err != nil {
		return err
	}
	if alone, err := v.certificateAlone(from, size); alone || err != nil {
		return err
	}
	container, err := asic.Open(from, size)
	if err != nil && !errors.Is(err, asic.ErrForm) {
		return err
	}
	if !v.judge(CheckContainer, "", err) {
		return nil
	}
	v.container = container
	if err := v.measure(); err != nil {
		return err
	}
	v.checkMimetype()
	oldest := v.checkArchive()
	v.checkSignature(oldest)
	v.checkStatement()
	v.checkPresented()
	if v.statement != nil {
		v.checkCertificates(ctx)
	}
	v.checkAlgorithms()
	return nil
}

// measure reads every file once.
func (v *verification) measure() error {
	v.pass(CheckContents)
	for _, f := range v.container.Files() {
		m, err := v.container.Measure(f.Name)
		if err != nil {
			return err
		}
		if v.measures[f.Name] = m; !f.Intact(m) {
			delete(v.found, CheckContents)
			v.fail(CheckContents, f.Name, "its check sum is another")
		}
	}
	return nil
}

func (v *verification) checkMimetype() {
	said, err := v.container.Read(asic.Mimetype, 100)
	if err != nil || string(said) != asic.MediaType || v.container.Files()[0].Name != asic.Mimetype {
		v.fail(CheckMimetype, asic.Mimetype, "the first file does not say that this is a container with signatures")
		return
	}
	v.pass(CheckMimetype)
}

// manifest reads a manifest and judges its form.
func (v *verification) manifest(id, name string) (asic.References, []byte, bool) {
	raw, err := v.container.Read(name, maxManifest)
	if err != nil {
		v.fail(id, name, "it is missing or too large")
		return asic.References{}, nil, false
	}
	references, err := asic.Decode(raw)
	if err != nil {
		v.fail(id, name, err.Error())
		return asic.References{}, raw, false
	}
	v.pass(id)
	return references, raw, true
}

// compare holds the files that a manifest lists to those that should be in it, in their order, and to their digests.
func (v *verification) compare(files, digests string, r asic.References, expected []string) {
	var listed []string
	for _, f := range r.Files {
		listed = append(listed, f.Name)
	}
	if !slices.Equal(listed, expected) {
		v.fail(files, "", "the list names other files than there are, or in another order")
	} else {
		v.pass(files)
	}
	for _, f := range r.Files {
		if m, known := v.measures[f.Name]; known && m.SHA256 != f.SHA256 {
			v.fail(digests, f.Name, "it is not what was listed")
		}
	}
	v.pass(digests)
}

// checkArchive judges the time stamps over everything, the newest one first. It returns the time of the oldest: signature and
// time stamp in it are judged as of then.
func (v *verification) checkArchive() time.Time {
	count := 0
	for v.container.Has(stampName(count + 1)) {
		count++
	}
	if count == 0 || count > maxRenewals {
		v.fail(archiveStamp+"form", stampName(1), "there is no time stamp over everything, or too many")
		count = min(count, maxRenewals)
	}
	at := v.opts.At
	for n := count; n >= 1; n-- {
		manifest := asic.ArchiveManifest
		if n < count {
			manifest = olderManifest(n)
		}
		references, raw, ok := v.manifest(CheckArchiveManifest, manifest)
		if ok {
			v.compare(CheckArchiveFiles, CheckArchiveDigests, references, v.before(n, count))
			if references.By != stampName(n) {
				v.fail(CheckArchiveFiles, manifest, "it names another time stamp")
			}
		}
		token := v.stamp(archiveStamp, stampName(n), raw, at)
		if token == nil {
			return at
		}
		if n == count {
			until := stampOf(token).Until
			v.report.summary().StampedUntil = &until
		}
		at = token.At
	}
	return at
}

// before lists what the n-th of count archive manifests covers: everything that was there before it.
func (v *verification) before(n, count int) []string {
	var names []string
	for _, f := range v.container.Files() {
		covered := f.Name != asic.Mimetype && f.Name != asic.ArchiveManifest
		for later := n; later <= count; later++ {
			covered = covered && f.Name != stampName(later) && f.Name != olderManifest(later)
		}
		if covered {
			names = append(names, f.Name)
		}
	}
	return names
}

// stamp judges a time stamp over a file; nil if it does not hold. What no other time stamp covers has to be in its one spelling.
func (v *verification) stamp(prefix, name string, over []byte, at time.Time) *tsp.Token {
	der, err := v.container.Read(name, maxManifest)
	if err != nil {
		v.fail(prefix+"form", name, "it is missing or too large")
		return nil
	}
	return v.token(prefix, name, der, over, at, true)
}

func (v *verification) token(prefix, name string, der, over []byte, at time.Time, exact bool) *tsp.Token {
	trust := v.opts.Trust.TimeStamps
	trust.Exact = exact
	token, err := tsp.Judge(der, sha256.Sum256(over), trust, at)
	failed := tsp.FailedChecks(err)
	for _, check := range tsp.Checks() {
		switch {
		case slices.Contains(failed, check):
			v.fail(prefix+check.Name, name, "it does not hold")
		case token != nil:
			v.pass(prefix + check.Name)
		}
	}
	if err != nil && len(failed) == 0 {
		v.fail(prefix+"form", name, "it cannot be read")
	}
	if err != nil {
		return nil
	}
	v.uses(token.Signer, token.Digest, at)
	return token
}

// checkSignature judges the signature and the time stamp over it, which was there when everything was stamped.
func (v *verification) checkSignature(stamped time.Time) {
	references, manifest, ok := v.manifest(CheckManifest, asic.Manifest)
	if ok {
		v.compare(CheckManifestFiles, CheckManifestDigests, references, v.signed())
		if references.By != asic.Signature {
			v.fail(CheckManifestFiles, asic.Manifest, "it names another signature")
		}
	}
	der, err := v.container.Read(asic.Signature, cms.DefaultMaxBytes)
	if err != nil {
		v.fail(CheckSignatureForm, asic.Signature, "it is missing or too large")
		return
	}
	message, err := cms.Read(der, 0)
	if err != nil {
		v.fail(CheckSignatureForm, asic.Signature, "it is no signature of an accepted form")
		return
	}
	if stamps := message.TimeStamps(); len(stamps) != 1 {
		v.fail(signatureStamp+"form", asic.Signature, "there is not exactly one time stamp in it")
	} else if token := v.token(signatureStamp, asic.Signature, stamps[0], message.SignatureValue(), stamped, false); token != nil {
		v.at = token.At
		at := token.At
		v.report.EvidenceAt = &at
	}
	v.judgeSignature(message, manifest)
}

// signed lists the files that the signature has to cover.
func (v *verification) signed() (names []string) {
	for _, f := range v.container.Files() {
		if asic.Signed(f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

func (v *verification) judgeSignature(message *cms.Message, manifest []byte) {
	if manifest == nil {
		manifest = []byte{}
	}
	result, err := message.Judge(manifest, cms.VerifyOptions{
		Roots: v.opts.Trust.Assemblers, At: v.at, RequireBinding: true, Revocations: v.opts.Trust.Revocations,
	})
	failed := cms.FailedChecks(err)
	for _, row := range []struct {
		id     string
		checks []cms.Check
		detail string
	}{
		{CheckSignatureForm, []cms.Check{cms.Format}, "it is no signature of an accepted form"},
		{CheckSignatureValue, []cms.Check{cms.Digest, cms.Signature}, "it is over something else, or not the signer's"},
		{CheckSignatureChain, []cms.Check{cms.Chain, cms.Usage, cms.Revocation}, "the signer is under no trusted root, may not sign, or was revoked"},
		{CheckSignatureValidity, []cms.Check{cms.Validity}, "the signer's certificate was not valid then"},
	} {
		switch {
		case slices.ContainsFunc(row.checks, func(c cms.Check) bool { return slices.Contains(failed, c) }):
			v.fail(row.id, asic.Signature, row.detail)
		case result != nil:
			v.pass(row.id)
		}
	}
	if result == nil {
		return
	}
	name := result.Signer.Subject.CommonName
	v.report.summary().Assembler = name
	if signers := v.opts.Trust.Signers; len(signers) > 0 && !slices.Contains(signers, name) {
		v.fail(CheckSignatureSigner, asic.Signature, "the signer is not one who may assemble bundles")
	} else {
		v.pass(CheckSignatureSigner)
	}
	v.uses(result.Signer, result.Digest, v.at)
}

// summary of the report, which is begun with the first thing that is known.
func (r *Report) summary() *Summary {
	if r.Bundle == nil {
		r.Bundle = &Summary{}
	}
	return r.Bundle
}

// checkStatement reads what the bundle says of itself, and holds its parts to it.
func (v *verification) checkStatement() {
	raw, err := v.container.Read(statementName, maxStatementBytes)
	if err != nil {
		v.fail(CheckStatement, statementName, "it is missing or too large")
		return
	}
	s, err := DecodeStatement(raw)
	if !v.judge(CheckStatement, statementName, err) {
		return
	}
	v.statement = s
	b := v.report.summary()
	b.Serial, b.Form, b.EdocNum, b.CertNum, b.Sender, b.Recipient = s.Serial, s.Form, s.EdocNum, s.CertNum, s.Circulation.Sender, s.Circulation.Recipient
	b.SentAt, b.ReceivedAt, b.Parts = s.Circulation.SentAt, s.Circulation.ReceivedAt, s.Parts
	if read := s.Circulation.ReadAt; !read.IsZero() {
		b.ReadAt = &read
	}
	expected := []string{statementName, instructionsName}
	for _, p := range s.Parts {
		expected = append(expected, p.Path)
	}
	if !slices.Equal(v.signed(), expected) {
		v.fail(CheckParts, "", "the statement names other parts than there are, or in another order")
	}
	for _, p := range s.Parts {
		m, known := v.measures[p.Path]
		if known && (hex.EncodeToString(m.SHA256[:]) != p.Hash || m.Size != p.Size) {
			v.fail(CheckParts, p.Path, "it is not what the statement names")
		}
		if p.Role == RoleAttachment && p.Hash != s.AttachmentHashes[p.attachment()-1] {
			v.fail(CheckParts, p.Path, "it is another attachment than the one of its number")
		}
	}
	v.pass(CheckParts)
	if present := len(s.Of(RoleAttachment)); present < len(s.AttachmentHashes) {
		v.notCheckable(CheckAttachments, fmt.Sprintf("%d of %d are not in the bundle, only their hashes", len(s.AttachmentHashes)-present, len(s.AttachmentHashes)))
	} else {
		v.pass(CheckAttachments)
	}
}

// hashOf a part as it is, not as it is said to be.
func (v *verification) hashOf(p Part) string {
	m, known := v.measures[p.Path]
	if !known {
		return ""
	}
	return hex.EncodeToString(m.SHA256[:])
}

// attachments are their hashes: of those in the bundle as they are, of the others as they are said to be.
func (v *verification) attachments() []string {
	hashes := slices.Clone(v.statement.AttachmentHashes)
	for i := range hashes {
		if p := v.statement.Attachment(i + 1); p.Path != "" {
			hashes[i] = v.hashOf(p)
		}
	}
	return hashes
}

// checkPresented compares what the verifier holds itself.
func (v *verification) checkPresented() {
	const none = "none was presented"
	if v.opts.Document == "" {
		v.notCheckable(CheckPresentedDocument, none)
	} else if v.statement != nil {
		v.judgeSame(CheckPresentedDocument, []string{v.opts.Document}, []string{v.hashOf(v.statement.One(RoleDocument))})
	}
	if len(v.opts.Attachments) == 0 {
		v.notCheckable(CheckPresentedAttachments, none)
	} else if v.statement != nil {
		v.judgeSame(CheckPresentedAttachments, v.opts.Attachments, v.attachments())
	}
}

func (v *verification) judgeSame(id string, presented, found []string) {
	if slices.Equal(presented, found) {
		v.pass(id)
		return
	}
	v.fail(id, "", "what was presented is something else")
}

// read a part whole; nil if it is missing or too large.
func (v *verification) read(p Part, most int64) []byte {
	raw, err := v.container.Read(p.Path, most)
	if err != nil {
		return nil
	}
	return raw
}

package bundle

import (
	"context"
	"crypto"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
)

// fixed is a clock that stands: certificates are judged as of one moment.
type fixed time.Time

func (f fixed) Now() time.Time { return time.Time(f) }

func (v *verification) checkCertificates(ctx context.Context) {
	distribution := v.read(v.statement.One(RoleDistribution), distcert.MaxBytes)
	original := v.read(v.statement.One(RoleOriginal), archivecert.MaxBytes)
	certificate := v.checkDistribution(distribution)
	verifier, err := v.archives()
	if err != nil {
		v.fail(CheckOriginalIssuer, "", "the trusted archives cannot be read")
		return
	}
	issued := v.checkOriginal(verifier, original)
	registered := v.checkRegistration(verifier, issued)
	v.checkTimes(certificate, issued, registered)
	v.checkEvidence()
	v.askHub(ctx, distribution, original)
}

// archives judges what they issued, as of the time of the evidence.
func (v *verification) archives() (*archivecert.Verifier, error) {
	return archivecert.New(archivecert.Options{
		Issuers: slices.Clone(v.opts.Trust.Archives), Clock: fixed(v.at), Skew: v.opts.Trust.ArchiveSkew, Revocations: v.opts.Trust.ArchiveRevocations,
	})
}

// checkDistribution judges the distribution certificate by itself, and holds it to the document and the circulation record.
func (v *verification) checkDistribution(pdf []byte) *distcert.Certificate {
	path := v.statement.One(RoleDistribution).Path
	c := v.judgeDistribution(pdf, path)
	if c != nil {
		v.compareDistribution(c, path)
	}
	return c
}

// judgeDistribution judges a distribution certificate by itself; nil where nothing is known of it.
func (v *verification) judgeDistribution(pdf []byte, path string) *distcert.Certificate {
	opts := v.opts.Trust.Hub
	opts.At = v.at
	c, checks, err := distcert.Verify(pdf, opts)
	failed := distcert.FailedChecks(err)
	for _, row := range []struct {
		id      string
		check   distcert.Check
		outcome proof.Outcome
	}{
		{CheckDistributionFormat, distcert.ErrFormat, checks.Format},
		{CheckDistributionSignature, distcert.ErrSignature, checks.Signature},
		{CheckDistributionChain, distcert.ErrChain, checks.Chain},
		{CheckDistributionIdentity, distcert.ErrIdentity, checks.Identity},
		{CheckDistributionValidity, distcert.ErrValidity, checks.Validity},
	} {
		switch {
		case row.outcome == proof.Passed:
			v.pass(row.id)
		case slices.Contains(failed, row.check):
			v.fail(row.id, path, "it does not hold")
		case row.outcome == proof.NotCheckable:
			v.mayBe(row.id, distcert.CheckValidity)
		}
	}
	if c != nil {
		v.uses(c.Signer, crypto.SHA256, v.at)
	}
	return c
}

// mayBe not checkable, where the verifier's policy for the hub's certificates accepts it.
func (v *verification) mayBe(id string, names ...string) {
	v.notCheckable(id, "the certificate does not say it in a form that can be read")
	for _, name := range names {
		if !slices.Contains(v.opts.Trust.HubPolicy, name) {
			return
		}
	}
	v.accepted[id] = true
}

func (v *verification) compareDistribution(c *distcert.Certificate, path string) {
	s := v.statement
	if !c.Readable() {
		v.mayBe(CheckDistributionNumbers, distcert.CheckEdocNum, distcert.CheckCertNum)
		v.mayBe(CheckDistributionParties, distcert.CheckParties)
		v.mayBe(CheckDistributionTimes, distcert.CheckSentAt, distcert.CheckReceivedAt, distcert.CheckReadAt)
		v.mayBe(CheckDistributionDocument, distcert.CheckHash)
		v.mayBe(CheckDistributionAttachments, distcert.CheckAttachments)
		return
	}
	hold := func(id string, ok bool) { v.hold(id, path, ok) }
	hold(CheckDistributionNumbers, c.EdocNum == s.EdocNum && c.CertNum == s.CertNum)
	// Latin letters of certified addresses are the same in upper and lower case, and the hub writes them as it likes.
	hold(CheckDistributionParties, strings.EqualFold(c.Sender.Address, s.Circulation.Sender.Address) && strings.EqualFold(c.Recipient.Address, s.Circulation.Recipient.Address) &&
		c.Sender.PlatformID == s.Circulation.Sender.PlatformID && c.Recipient.PlatformID == s.Circulation.Recipient.PlatformID && strings.EqualFold(c.Applicant, s.Applicant))
	hold(CheckDistributionTimes, sameSecond(c.SentAt, s.Circulation.SentAt) && sameSecond(c.ReceivedAt, s.Circulation.ReceivedAt) && sameSecond(c.ReadAt, s.Circulation.ReadAt))
	hold(CheckDistributionDocument, c.Hash == v.hashOf(s.One(RoleDocument)))
	// The hub keeps the attachments' hashes in no order of its own.
	stated, found := slices.Sorted(slices.Values(c.AttachmentHashes)), slices.Sorted(slices.Values(v.attachments()))
	hold(CheckDistributionAttachments, slices.Equal(stated, found))
}

func (v *verification) hold(id, path string, ok bool) {
	if ok {
		v.pass(id)
		return
	}
	v.fail(id, path, "it states something else")
}

// sameSecond compares in the precision of the hub, whole seconds.
func sameSecond(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// checkOriginal judges the original certificate by itself, and holds it to the document.
func (v *verification) checkOriginal(verifier *archivecert.Verifier, der []byte) *archivecert.Original {
	path := v.statement.One(RoleOriginal).Path
	original, err := verifier.Original(der, v.at)
	if v.judgeOriginal(original, err, path) {
		v.holdHash(CheckOriginalDocument, path, original.Covers(v.hashOf(v.statement.One(RoleDocument)), original.AttachmentHashes))
		v.holdHash(CheckOriginalAttachments, path, original.Covers(original.Hash, v.attachments()))
	}
	return original
}

// judgeOriginal tells what came of verifying an original certificate by itself.
func (v *verification) judgeOriginal(original *archivecert.Original, err error, path string) bool {
	failed := archivecert.FailedChecks(err)
	for _, row := range []struct {
		id     string
		checks []archivecert.Check
	}{
		{CheckOriginalForm, []archivecert.Check{archivecert.ErrFormat, archivecert.ErrNotCheckable, archivecert.ErrPolicy}},
		{CheckOriginalSignature, []archivecert.Check{archivecert.ErrSignature}},
		{CheckOriginalChain, []archivecert.Check{archivecert.ErrChain, archivecert.ErrRevoked}},
		{CheckOriginalIssuer, []archivecert.Check{archivecert.ErrForeign}},
		{CheckOriginalValidity, []archivecert.Check{archivecert.ErrExpired}},
		{CheckOriginalKind, []archivecert.Check{archivecert.ErrKind}},
	} {
		switch {
		case slices.ContainsFunc(row.checks, func(c archivecert.Check) bool { return slices.Contains(failed, c) }):
			v.fail(row.id, path, "it does not hold")
		case err == nil:
			v.pass(row.id)
		}
	}
	if err != nil {
		return false
	}
	v.uses(original.Signer, crypto.SHA256, v.at)
	return true
}

func (v *verification) holdHash(id, path string, err error) {
	if err != nil {
		v.fail(id, path, "it is about something else")
		return
	}
	v.pass(id)
}

// checkRegistration judges the registration certificate, which only the evidence has.
func (v *verification) checkRegistration(verifier *archivecert.Verifier, original *archivecert.Original) *archivecert.Registration {
	part := v.statement.One(RoleRegistration)
	if part.Path == "" {
		for _, id := range []string{CheckRegistration, CheckRegistrationDocument, CheckRegistrationMatch} {
			v.notCheckable(id, "this form of bundle does not hold it")
		}
		return nil
	}
	der := v.read(part, archivecert.MaxBytes)
	registration, err := verifier.Registration(der, v.at)
	if err != nil {
		v.fail(CheckRegistration, part.Path, "it does not hold")
		return nil
	}
	v.pass(CheckRegistration)
	v.uses(registration.Signer, crypto.SHA256, v.at)
	_, err = registration.Covers(v.hashOf(v.statement.One(RoleDocument)), v.attachments())
	v.holdHash(CheckRegistrationDocument, part.Path, err)
	if original != nil {
		v.hold(CheckRegistrationMatch, part.Path, original.RegistrationCertificateDigest == registration.Digest)
	}
	return registration
}

// checkTimes holds the times to their order: registered at the archive, sent, received, read, and certified before the bundle was
// stamped. Times that the hub keeps have whole seconds.
func (v *verification) checkTimes(certificate *distcert.Certificate, original *archivecert.Original, registered *archivecert.Registration) {
	var times []time.Time
	add := func(at time.Time) {
		if !at.IsZero() {
			times = append(times, at.Truncate(time.Second))
		}
	}
	if original != nil {
		add(original.RegisteredAt)
	}
	if registered != nil {
		add(registered.RegisteredAt)
	}
	add(v.statement.Circulation.SentAt)
	add(v.statement.Circulation.ReceivedAt)
	add(v.statement.Circulation.ReadAt)
	last := times[len(times)-1]
	ordered := slices.IsSortedFunc(times, time.Time.Compare)
	// The hub certifies what happened before, the archive what was registered before.
	for _, issued := range []struct{ at, after time.Time }{{issuedAt(certificate), last.Add(-clocksDiffer)}, {validFrom(original), times[0]}} {
		if !issued.at.IsZero() {
			ordered = ordered && !issued.at.Truncate(time.Second).Before(issued.after) && !issued.at.After(v.at.Add(clocksDiffer))
		}
	}
	if ordered && !last.After(v.at.Add(clocksDiffer)) {
		v.pass(CheckTimes)
		return
	}
	v.fail(CheckTimes, "", "the times do not follow each other")
}

// clocksDiffer is how far the clocks of relay, hub, archive and time-stamping authority may be apart.
const clocksDiffer = time.Minute

func issuedAt(c *distcert.Certificate) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.IssuedAt
}

func validFrom(o *archivecert.Original) time.Time {
	if o == nil {
		return time.Time{}
	}
	return o.ValidFrom
}

func (v *verification) askHub(ctx context.Context, distribution, original []byte) {
	if v.opts.AskHub == nil {
		v.notCheckable(CheckHub, "the hub was not asked")
		return
	}
	document, err := v.container.Open(v.statement.One(RoleDocument).Path)
	if err != nil {
		return
	}
	valid, err := v.opts.AskHub(ctx, distribution, original, document)
	switch {
	case err != nil:
		v.notCheckable(CheckHub, "the hub did not answer")
	case valid:
		v.pass(CheckHub)
	default:
		v.fail(CheckHub, "", "the hub answered that they are not valid")
	}
}

// Package hubcert connects the sandbox hub to the sandbox's certificates: it renders distribution certificates with certpdf and
// the sandbox's keys, and compares the two certificates of a document (guide 5.1.2 ❹).
package hubcert

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/services/sandbox/certpdf"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// Renderer implements hub.CertificateRenderer with certpdf.
type Renderer struct {
	keys *pki.Store
}

var _ hub.CertificateRenderer = (*Renderer)(nil)

// NewRenderer returns a Renderer that signs with the hub's key.
func NewRenderer(keys *pki.Store) (*Renderer, error) {
	if keys == nil {
		return nil, errors.New("make certificate renderer: no keys")
	}
	return &Renderer{keys: keys}, nil
}

// validYears is the validity of a distribution certificate. The real hub's is not known.
const validYears = 1

// RenderCertificate implements hub.CertificateRenderer.
func (r *Renderer) RenderCertificate(_ context.Context, d hub.CertificateDraft) ([]byte, error) {
	signer, err := r.signer(d.Fault)
	if err != nil {
		return nil, err
	}
	content := contentOf(d)
	if _, err := content.Canonical(); err != nil {
		return nil, fmt.Errorf("%w: %w", hub.ErrNotCertifiable, err)
	}
	opts := certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: d.IssuedAt}
	if d.LongTerm {
		stamper := r.keys.Signer(pki.TimeStamp)
		opts.LongTerm = &certpdf.Stamper{Signer: stamper.Key, Chain: stamper.Chain}
	}
	return certpdf.Render(content, opts)
}

// RenderFigures implements hub.CertificateRenderer.
func (r *Renderer) RenderFigures(_ context.Context, d hub.FiguresDraft) ([]byte, error) {
	signer, err := r.signer(d.Fault)
	if err != nil {
		return nil, err
	}
	return certpdf.RenderFigures(certpdf.Figures{
		Address: d.Eaddr, Name: d.Name, Period: d.Period, ReceivedOfSent: d.RecvCountFromSent, ReadOfSent: d.ReadCountFromSent,
		Received: d.RecvCount, Read: d.ReadCount, IssuedAt: d.IssuedAt,
	}, certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: d.IssuedAt})
}

func (r *Renderer) signer(fault scenario.Kind) (pki.Signer, error) {
	switch fault {
	case "":
		return r.keys.Signer(pki.Hub), nil
	case scenario.CertificateExpired:
		return r.keys.Expired(pki.Hub)
	case scenario.CertificateForeignSigner:
		return r.keys.Foreign(pki.Hub)
	default:
		return pki.Signer{}, fmt.Errorf("choose signer: no signer for scenario %s", fault)
	}
}

func contentOf(d hub.CertificateDraft) distcert.Content {
	c := d.Circulation
	content := distcert.Content{
		CertNum: d.Number, EdocNum: c.EdocNum, Title: c.Subject,
		Sender:    distcert.Party{Address: c.SendEaddr, SubAddress: deref(c.SendSubEaddr), PlatformID: c.SendPlatformID, Name: c.SendName},
		Recipient: distcert.Party{Address: c.RecvEaddr, SubAddress: deref(c.RecvSubEaddr), PlatformID: c.RecvPlatformID, Name: c.RecvName},
		SentAt:    c.SendDate, ReceivedAt: c.RecvDate,
		Hash: c.ContentHash, AttachmentHashes: c.FileHashes,
		Applicant: d.Applicant, Reason: d.Reason, IssuedAt: d.IssuedAt, ValidUntil: d.IssuedAt.AddDate(validYears, 0, 0),
	}
	if c.ReadDate != nil {
		content.ReadAt = *c.ReadDate
	}
	return content
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Verifier implements hub.PairVerifier. It trusts the sandbox's own hub and archive.
type Verifier struct {
	hubRoots  *x509.CertPool
	tsaRoots  *x509.CertPool
	hubSigner distcert.Pins
	archives  *archivecert.Verifier
	cache     *cms.ChainCache
}

var _ hub.PairVerifier = (*Verifier)(nil)

// signerCache limits the number of remembered signer certificates.
const signerCache = 64

// NewVerifier returns a Verifier.
func NewVerifier(keys *pki.Store, clock archivecert.Clock) (*Verifier, error) {
	archives, err := archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{{Name: pki.ArchiveName, Profile: archivecert.Format, Roots: keys.Pool(pki.Archive)}}, Clock: clock, Skew: time.Second,
	})
	if err != nil {
		return nil, err
	}
	signer := keys.Signer(pki.Hub).Chain[0].Subject.String()
	return &Verifier{
		hubRoots: keys.Pool(pki.Hub), tsaRoots: keys.Pool(pki.TimeStamp), hubSigner: distcert.Pins{Subjects: []string{signer}}, archives: archives, cache: cms.NewChainCache(signerCache),
	}, nil
}

// VerifyPair implements hub.PairVerifier. For each certificate it checks, in this order: the form, that it is unchanged, that it
// chains to a trusted root, that the right issuer signed it, and its validity. Then it checks that the three hashes are equal.
func (v *Verifier) VerifyPair(_ context.Context, p hub.Pair) ([]hub.Check, error) {
	distribution, checks := v.distribution(p)
	original, more := v.original(p)
	checks = append(checks, more...)

	sum := sha256.Sum256(p.Document)
	document := hex.EncodeToString(sum[:])
	var stated, kept string
	if distribution != nil {
		stated = distribution.Hash
	}
	if original != nil {
		kept = original.Hash
	}
	return append(checks,
		compare("hash.distribution_document", stated, document),
		compare("hash.original_document", kept, document),
		compare("hash.distribution_original", stated, kept),
	), nil
}

func (v *Verifier) distribution(p hub.Pair) (*distcert.Certificate, []hub.Check) {
	certificate, c, err := distcert.Verify(p.Distribution, distcert.Options{
		Roots: v.hubRoots, TimeStampRoots: v.tsaRoots, PinnedSigner: v.hubSigner, At: p.At, Cache: v.cache,
	})
	failed := distcert.FailedChecks(err)
	check := func(name string, outcome proof.Outcome, kind distcert.Check) hub.Check {
		out := hub.Check{Name: "distribution." + name, Passed: outcome == proof.Passed}
		if !out.Passed {
			out.Detail = detail(slices.Contains(failed, kind))
		}
		return out
	}
	return certificate, []hub.Check{
		check("format", c.Format, distcert.ErrFormat), check("intact", c.Signature, distcert.ErrSignature),
		check("trusted", c.Chain, distcert.ErrChain), check("issuer", c.Identity, distcert.ErrIdentity),
		check("valid", c.Validity, distcert.ErrValidity),
	}
}

// detail says whether a check failed or could not be made.
func detail(failed bool) string {
	if failed {
		return "failed"
	}
	return "not_checked"
}

func (v *Verifier) original(p hub.Pair) (*archivecert.Original, []hub.Check) {
	original, err := v.archives.Original(p.Original, p.At)
	failed := archivecert.FailedChecks(err)
	check := func(name string, kinds ...archivecert.Check) hub.Check {
		out := hub.Check{Name: "original." + name, Passed: err == nil}
		if err != nil {
			hit := slices.ContainsFunc(kinds, func(k archivecert.Check) bool { return slices.Contains(failed, k) })
			// If the form is wrong, nothing else could be checked. Other failures are reported one by one.
			unreadable := slices.Contains(failed, archivecert.ErrFormat)
			out.Passed = !hit && !unreadable
			if !out.Passed {
				out.Detail = detail(hit)
			}
		}
		return out
	}
	return original, []hub.Check{
		check("format", archivecert.ErrFormat, archivecert.ErrKind), check("intact", archivecert.ErrSignature),
		check("trusted", archivecert.ErrChain), check("issuer", archivecert.ErrForeign), check("valid", archivecert.ErrExpired),
	}
}

func compare(name, a, b string) hub.Check {
	out := hub.Check{Name: name, Passed: a != "" && b != "" && strings.EqualFold(a, b)}
	if !out.Passed {
		out.Detail = detail(a != "" && b != "")
	}
	return out
}

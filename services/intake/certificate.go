package intake

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/work"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// verifier judges registration certificates.
type verifier interface {
	Registration(der []byte, at time.Time) (*archivecert.Registration, error)
}

// certificateID is the SHA-256 of a certificate's bytes.
type certificateID = [sha256.Size]byte

// supplied is one certificate of a call; several items may name it.
type supplied struct {
	der []byte
	// kept: the bytes were read from our own table.
	kept         bool
	registration *archivecert.Registration
	failure      error
}

// judged is what came of an item's certificate.
type judged struct {
	findings []finding
	// notCheckable are the checks that its profile's certificates do not allow and its issuer's policy does not demand.
	notCheckable []string
}

// checkSlots bound how many items of batches are checked at the same time, for all senders together: one per processor.
type checkSlots chan struct{}

func newCheckSlots() checkSlots { return make(checkSlots, work.Processors()) }

// each runs do for 0…n-1, on one goroutine per processor: with a goroutine for each call, every stack would have to grow anew. A
// single call runs on the caller's goroutine.
func (c checkSlots) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	if n == 1 {
		return do(ctx, 0)
	}
	group, ctx := errgroup.WithContext(ctx)
	var taken atomic.Int64
	for range min(n, work.Processors()) {
		group.Go(func() error {
			for i := taken.Add(1) - 1; i < int64(n); i = taken.Add(1) - 1 {
				if err := c.one(ctx, func() error { return do(ctx, int(i)) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (c checkSlots) one(ctx context.Context, do func() error) error {
	select {
	case c <- struct{}{}:
		defer func() { <-c }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return do()
}

// verifyAll verifies every certificate once, at the time of acceptance: signature, chain, issuer, validity.
func (c checkSlots) verifyAll(ctx context.Context, v verifier, certificates map[certificateID]*supplied, at time.Time) error {
	list := make([]*supplied, 0, len(certificates))
	for _, s := range certificates {
		if len(s.der) > 0 {
			list = append(list, s)
		}
	}
	return c.each(ctx, len(list), func(_ context.Context, i int) error {
		list[i].registration, list[i].failure = v.Registration(list[i].der, at)
		return nil
	})
}

// certificates gathers the certificates of all items, reads those that are named by digest, and verifies each once.
func (a *acceptor) certificates(ctx context.Context, v *visit, candidates []*candidate) (map[certificateID]*supplied, error) {
	of := map[certificateID]*supplied{}
	for _, c := range candidates {
		if handedOver(c.item) {
			continue
		}
		s := of[c.digest]
		if s == nil {
			s = &supplied{}
			of[c.digest] = s
		}
		if given := c.item.GetRegistrationCertificate(); len(given) > 0 {
			s.der = given
		}
	}
	var named []certificateID
	for digest, s := range of {
		if len(s.der) == 0 {
			named = append(named, digest)
		}
	}
	if len(named) > 0 {
		kept, err := readCertificates(ctx, a.db, a.box, v.tenant, named)
		if err != nil {
			return nil, err
		}
		for digest, der := range kept {
			of[digest].der, of[digest].kept = der, true
		}
	}
	return of, a.slots.verifyAll(ctx, a.verifier, of, v.at)
}

// judgeCertificate judges an item's certificate; without findings nothing is wrong with it.
func judgeCertificate(item *intakev1.SendItem, s *supplied, sender senderRecord) (j judged) {
	field := fieldCertificate
	if len(item.GetRegistrationCertificate()) == 0 {
		field = fieldCertificateDigest
	}
	switch {
	case len(s.der) == 0:
		j.findings = append(j.findings, notUploaded())
		return j
	case s.failure != nil:
		j.findings = append(j.findings, certificateFinding(field, s.failure))
		return j
	}
	if !sender.owns(s.registration) {
		j.findings = append(j.findings, ownerDiffers(field))
	}
	attachments, err := covers(s.registration, item)
	if err != nil {
		j.findings = append(j.findings, certificateFinding(field, err))
	}
	j.notCheckable = slices.Concat(s.registration.NotCheckable, attachments)
	return j
}

// covers checks that the certificate is about the item's document and about exactly its attachments, in their order: what the
// archive has not registered, nobody can prove later. It tells the checks that cannot be made.
func covers(r *archivecert.Registration, item *intakev1.SendItem) ([]string, error) {
	var attachments []string
	for _, hash := range item.GetAttachmentHashes() {
		attachments = append(attachments, hash.GetValue())
	}
	return r.Covers(item.GetDocumentHash().GetValue(), attachments)
}

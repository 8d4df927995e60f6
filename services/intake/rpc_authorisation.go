package intake

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// authorisations serves how agents get their senders' word.
type authorisations struct {
	intakev1.UnsafeAuthorisationServiceServer

	clock     clock.Clock
	trust     trust
	db        pg.DBTX
	journal   *journal.Journal
	hasher    hasher
	box       *sealed.Box
	authority authority
	settings  Authorisation
}

var _ intakev1.AuthorisationServiceServer = (*authorisations)(nil)

// RequestAuthorisation keeps what an agent asks for, unless it has asked before.
func (s *authorisations) RequestAuthorisation(ctx context.Context, r *intakev1.RequestAuthorisationRequest) (*intakev1.RequestAuthorisationResponse, error) {
	caller, agent, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if broken := brokenModes(r.GetItems()); len(broken) > 0 {
		return nil, invalidItem(broken...)
	}
	now := s.clock.Now()
	sender, kind, known, err := readOwner(ctx, s.db, strings.ToLower(r.GetSenderAddress()), now)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !known {
		return nil, senderUnknown()
	}
	purpose, digests, shown := wantedOf(r)
	asked := asks(s.hasher, authorisationRow{
		id: id.New(), agent: agent, sender: sender, senderKind: kind, purpose: purpose, requestID: r.GetRequestId(),
		askedAt: now, expiresAt: now.Add(s.settings.Life.Std()),
	}, digests)
	pieces, err := sealShown(ctx, s.box, asked.id, shown)
	if err != nil {
		return nil, err
	}
	var kept authorisationRow
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		// Makes request ids unique, and the number of those that wait true.
		if err := pg.LockTx(ctx, tx.Tx, "intake/authorisations/"+agent.String()); err != nil {
			return err
		}
		if kept, known, err = readRequested(ctx, tx, agent, asked.requestID); err != nil || known {
			return err
		}
		waiting, err := countWaiting(ctx, tx, agent, now)
		if err != nil {
			return err
		}
		if waiting >= s.settings.PerAgent {
			return tooManyAuthorisations()
		}
		if err := insertAuthorisation(ctx, tx, asked); err != nil {
			return err
		}
		if err := insertContent(ctx, tx, asked, pieces); err != nil {
			return err
		}
		if err := recordRequested(ctx, tx, asked, caller); err != nil {
			return err
		}
		kept, known, err = readAuthorisation(ctx, tx, asked.id)
		return err
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if string(kept.fingerprint) != string(asked.fingerprint) {
		return nil, requestDiffers()
	}
	return &intakev1.RequestAuthorisationResponse{Authorisation: kept.show(s.hasher, now)}, nil
}

// wantedOf is what an agent wants to do: the digests of what is authorised, and what the sender is shown of it.
func wantedOf(r *intakev1.RequestAuthorisationRequest) (purpose intakev1.AuthorisationPurpose, digests []authorisation.Digest, shown []*intakev1.ShownItem) {
	if of := r.GetCertificates(); of != nil {
		for _, number := range of.GetEdocNums() {
			digest := authorisation.OfCertificate(number, of.GetReason())
			digests = append(digests, digest)
			shown = append(shown, &intakev1.ShownItem{EdocNum: number, Reason: of.GetReason(), Digest: digest.String()})
		}
		return intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES, digests, shown
	}
	for _, item := range r.GetItems() {
		digest := authorisation.OfItem(item)
		digests = append(digests, digest)
		shown = append(shown, showItem(item, digest))
	}
	return intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_SEND, digests, shown
}

// brokenModes are the rules that items break beside those of their message, which were judged before.
func brokenModes(items []*intakev1.SendItem) (broken []fault.Violation) {
	for i, item := range items {
		broken = append(broken, below(fmt.Sprintf("items[%d]", i), invalidItem(modeRules(item)...)).Violations...)
	}
	return broken
}

// GetAuthorisation tells one, to its sender with what it is about.
func (s *authorisations) GetAuthorisation(ctx context.Context, r *intakev1.GetAuthorisationRequest) (*intakev1.GetAuthorisationResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.find(ctx, caller, r.GetId())
	if err != nil {
		return nil, err
	}
	shown := a.show(s.hasher, s.clock.Now())
	if caller.ID == a.sender.String() {
		if shown.Shown, err = openShown(ctx, s.db, s.box, a.id); err != nil {
			return nil, pg.AsFault(err, nil)
		}
	}
	return &intakev1.GetAuthorisationResponse{Authorisation: shown}, nil
}

// ListAuthorisations lists those that the caller asked for, or is asked for.
func (s *authorisations) ListAuthorisations(ctx context.Context, r *intakev1.ListAuthorisationsRequest) (*intakev1.ListAuthorisationsResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	principal, err := tenantOf(caller)
	if err != nil {
		return nil, err
	}
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	now, size := s.clock.Now(), page.Size(r.GetPageSize())
	var waitingAt time.Time
	if r.GetWaiting() {
		waitingAt = now
	}
	found, err := listAuthorisations(ctx, s.db, principal, isAgent(caller), waitingAt, before, size+1)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	found, next, err := page.Cut(found, size, func(last authorisationRow) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	answer := &intakev1.ListAuthorisationsResponse{NextPageToken: next}
	for _, a := range found {
		answer.Authorisations = append(answer.Authorisations, a.show(s.hasher, now))
	}
	return answer, nil
}

// ApproveAuthorisation gives it by the session of the member that is to be the sender.
func (s *authorisations) ApproveAuthorisation(ctx context.Context, r *intakev1.ApproveAuthorisationRequest) (*intakev1.ApproveAuthorisationResponse, error) {
	a, err := s.decide(ctx, r.GetId(), toGive, func(ctx context.Context, tx *journal.Tx, caller authn.Principal, a *authorisationRow, now time.Time) error {
		if r.GetDigest() != a.digest.String() {
			return digestDiffers()
		}
		if done, err := a.give(now, a.expiresAt); done || err != nil {
			return err
		}
		if err := giveAuthorisation(ctx, tx, *a, caller.Session, nil); err != nil {
			return err
		}
		return recordGiven(ctx, tx, *a, caller, &intakev1.AuthorisationGiven{Session: caller.Session})
	})
	if err != nil {
		return nil, err
	}
	return &intakev1.ApproveAuthorisationResponse{Authorisation: a}, nil
}

// SignAuthorisation gives it by a signature of the institution that is to be the sender.
func (s *authorisations) SignAuthorisation(ctx context.Context, r *intakev1.SignAuthorisationRequest) (*intakev1.SignAuthorisationResponse, error) {
	a, err := s.decide(ctx, r.GetId(), toGive, func(ctx context.Context, tx *journal.Tx, caller authn.Principal, a *authorisationRow, now time.Time) error {
		registered, err := signersOf(ctx, tx, a.sender)
		if err != nil {
			return err
		}
		signed, err := authorisation.Verify(r.GetJws(), registered, authorisation.Claims{
			Authorisation: a.id.String(), Agent: a.agent.String(), Sender: a.sender.String(), Digest: a.digest.String(),
		}, now)
		if err != nil {
			return signatureInvalid(err)
		}
		if done, err := a.give(now, signed.ExpiresAt); done || err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(r.GetJws()))
		if err := giveAuthorisation(ctx, tx, *a, "", digest[:]); err != nil {
			return err
		}
		return recordGiven(ctx, tx, *a, caller, &intakev1.AuthorisationGiven{Signature: r.GetJws(), KeyId: signed.KeyID})
	})
	if err != nil {
		return nil, err
	}
	return &intakev1.SignAuthorisationResponse{Authorisation: a}, nil
}

// RevokeAuthorisation ends it, unless it has ended.
func (s *authorisations) RevokeAuthorisation(ctx context.Context, r *intakev1.RevokeAuthorisationRequest) (*intakev1.RevokeAuthorisationResponse, error) {
	a, err := s.decide(ctx, r.GetId(), toEnd, func(ctx context.Context, tx *journal.Tx, caller authn.Principal, a *authorisationRow, now time.Time) error {
		if !a.endedAt.IsZero() || a.is(intakev1.AuthorisationState_AUTHORISATION_STATE_EXPIRED, now) {
			return nil
		}
		a.endedAt, a.endedAs = now, a.endedBy(caller)
		if err := endAuthorisation(ctx, tx, *a); err != nil {
			return err
		}
		return recordEnded(ctx, tx, *a, caller)
	})
	if err != nil {
		return nil, err
	}
	return &intakev1.RevokeAuthorisationResponse{Authorisation: a}, nil
}

// give makes it given, until a time at the latest, and reports whether it was given before. What has ended cannot be given.
func (a *authorisationRow) give(now, until time.Time) (already bool, err error) {
	switch {
	case a.is(intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN, now):
		return true, nil
	case !a.is(intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING, now):
		return false, authorisationDecided()
	}
	a.givenAt = now
	if until.Before(a.expiresAt) {
		a.expiresAt = until
	}
	return false, nil
}

// toGive are the scopes that a person needs to give an authorisation for an organisation: nobody gives away certificates who may
// not have them.
func toGive(a authorisationRow) []string {
	if a.purpose == intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES {
		return []string{scopeApprove, scopeCertificates}
	}
	return []string{scopeApprove}
}

// toEnd are those to end one.
func toEnd(authorisationRow) []string { return []string{scopeApprove} }

// decide lets a caller whom an authorisation concerns change it, while nobody else does and nothing is accepted under it.
func (s *authorisations) decide(ctx context.Context, named string, scopes func(authorisationRow) []string,
	change func(ctx context.Context, tx *journal.Tx, caller authn.Principal, a *authorisationRow, now time.Time) error) (*intakev1.Authorisation, error) {
	caller, _, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	of, err := s.find(ctx, caller, named)
	if err != nil {
		return nil, err
	}
	// Nothing remote inside the transaction.
	if err := s.authority.may(ctx, caller, scopes(of)...); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		locked, known, err := lockAuthorisation(ctx, tx, of.id)
		if err != nil {
			return err
		}
		if !known {
			return authorisationNotFound()
		}
		of = locked
		return change(ctx, tx, caller, &of, now)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return of.show(s.hasher, now), nil
}

// find reads an authorisation that concerns the caller; for everybody else it does not exist.
func (s *authorisations) find(ctx context.Context, caller authn.Principal, named string) (authorisationRow, error) {
	wanted, err := uuid.Parse(named)
	if err != nil {
		return authorisationRow{}, authorisationNotFound()
	}
	a, known, err := readAuthorisation(ctx, s.db, wanted)
	if err != nil {
		return a, pg.AsFault(err, nil)
	}
	if !known || !a.concerns(caller) {
		return a, authorisationNotFound()
	}
	return a, nil
}

// caller is who calls, unless the clock is too bad for making evidence.
func (s *authorisations) caller(ctx context.Context) (authn.Principal, uuid.UUID, error) {
	if err := s.trust.Ready(); err != nil {
		return authn.Principal{}, uuid.UUID{}, clockUntrusted(err)
	}
	caller, err := authn.Require(ctx)
	if err != nil {
		return authn.Principal{}, uuid.UUID{}, err
	}
	principal, err := tenantOf(caller)
	return caller, principal, err
}

// signersOf are the keys with which an institution signs, by their ids.
func signersOf(ctx context.Context, db pg.DBTX, institution uuid.UUID) (map[string]*ecdsa.PublicKey, error) {
	registered, err := readKeys(ctx, db, institution)
	if err != nil {
		return nil, err
	}
	of := make(map[string]*ecdsa.PublicKey, len(registered))
	for _, text := range registered {
		public, err := authn.ParsePublicKey([]byte(text))
		if err != nil {
			return nil, err
		}
		keyID, err := keys.KeyID(public)
		if err != nil {
			return nil, err
		}
		of[keyID] = public
	}
	return of, nil
}

// signatureInvalid says which check a signature failed; one that holds for other items has a reason of its own.
func signatureInvalid(err error) *fault.Error {
	if errors.Is(err, authorisation.ErrDigest) {
		return digestDiffers()
	}
	return refusedSignature(err)
}

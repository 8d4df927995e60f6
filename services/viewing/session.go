package viewing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/identity"
)

const (
	// loginLife is how long a person has to come back from the identity provider.
	loginLife = 5 * time.Minute
	// sessionLife is the life of a session token.
	sessionLife = 10 * time.Minute
	// shortestSession is what must be left of a person's session to act for an organisation.
	shortestSession = 2 * time.Second

	stateSecretBytes = 32
)

// prover is the identity provider.
type prover interface {
	Begin(ctx context.Context, redirectURI, state string) (identity.Login, error)
	Complete(ctx context.Context, a identity.Attempt) (identity.Proof, error)
}

// resolver maps a proved identity to a recipient id; addressv1.AddressServiceClient does.
type resolver interface {
	ResolveIdentity(ctx context.Context, in *addressv1.ResolveIdentityRequest, opts ...grpc.CallOption) (*addressv1.ResolveIdentityResponse, error)
}

// sessions is SessionService.
type sessions struct {
	viewingv1.UnsafeSessionServiceServer
	core
	issuer    string
	prover    prover
	redirects []string
	// secrets seals the code verifiers of logins under way.
	secrets tink.AEAD
	address resolver
	// authorities asks the same unit for whom a person may act.
	authorities authorities
	minter      *authn.Minter
}

var _ viewingv1.SessionServiceServer = (*sessions)(nil)

// StartSession sends a person to the identity provider.
func (s *sessions) StartSession(ctx context.Context, r *viewingv1.StartSessionRequest) (*viewingv1.StartSessionResponse, error) {
	if !slices.Contains(s.redirects, r.GetRedirectUri()) {
		return nil, redirectNotAllowed()
	}
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	loginID := id.New()
	state := newState(loginID)
	begun, err := s.prover.Begin(ctx, r.GetRedirectUri(), state)
	if err != nil {
		count(ctx, s.metrics.sessions, "unavailable")
		return nil, providerUnavailable(err)
	}
	verifier, err := s.secrets.Encrypt([]byte(begun.Verifier), loginID[:])
	if err != nil {
		return nil, fmt.Errorf("seal code verifier: %w", err)
	}
	l := login{
		id: loginID, stateDigest: digestBytes(state), nonceDigest: digestBytes(begun.Nonce), sealedVerifier: verifier,
		redirectURI: r.GetRedirectUri(), startedAt: now, expiresAt: now.Add(loginLife),
	}
	if err := insertLogin(ctx, s.db, l); err != nil {
		return nil, err
	}
	count(ctx, s.metrics.sessions, "started")
	return &viewingv1.StartSessionResponse{AuthorizationUrl: begun.URL, State: state, ExpiresAt: timestamppb.New(l.expiresAt)}, nil
}

// CompleteSession gives a session token to a person whose identity is proved.
func (s *sessions) CompleteSession(ctx context.Context, r *viewingv1.CompleteSessionRequest) (*viewingv1.CompleteSessionResponse, error) {
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	l, err := s.take(ctx, r.GetState(), now)
	if err != nil {
		return nil, err
	}
	verifier, err := s.secrets.Decrypt(l.sealedVerifier, l.id[:])
	if err != nil {
		return nil, fmt.Errorf("open code verifier: %w", err)
	}
	proof, err := s.prover.Complete(ctx, identity.Attempt{
		Code: r.GetCode(), RedirectURI: l.redirectURI, Verifier: string(verifier), NonceDigest: l.nonceDigest,
	})
	if err != nil {
		return nil, s.refuse(ctx, l.id, err)
	}
	resolved, err := s.address.ResolveIdentity(ctx, &addressv1.ResolveIdentityRequest{
		Ci: proof.CI, Name: proof.Name, BirthDate: proof.BirthDate, Phone: proof.Phone,
		Issuer: proof.Issuer, ProvedAt: timestamppb.New(proof.AuthTime), AssertionDigest: proof.Digest,
	})
	if err != nil {
		return nil, neighbourFault("the recipient cannot be looked up now; start again later", err)
	}
	return s.open(ctx, l.id, proof, resolved)
}

// take marks the login that the state names as used.
func (s *sessions) take(ctx context.Context, state string, now time.Time) (login, error) {
	loginID, ok := loginOf(state)
	if !ok {
		return login{}, sessionUnknown()
	}
	l, found, err := useLogin(ctx, s.db, loginID, digestBytes(state), now)
	if err != nil {
		return login{}, err
	}
	if !found {
		count(ctx, s.metrics.sessions, "unknown")
		return login{}, sessionUnknown()
	}
	return l, nil
}

// refuse states that an identity proof failed.
func (s *sessions) refuse(ctx context.Context, loginID uuid.UUID, cause error) error {
	var refused *identity.RefusedError
	if !errors.As(cause, &refused) {
		count(ctx, s.metrics.sessions, "unavailable")
		return providerUnavailable(cause)
	}
	count(ctx, s.metrics.sessions, "refused")
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		return recordRefused(ctx, tx, loginID, s.clock.Now(), s.issuer, refused)
	})
	if err != nil {
		return err
	}
	return identityRefused(cause)
}

// open states the proof and then gives the session token.
func (s *sessions) open(ctx context.Context, loginID uuid.UUID, proof identity.Proof, r *addressv1.ResolveIdentityResponse) (*viewingv1.CompleteSessionResponse, error) {
	minted, principal, err := s.minter.Mint(authn.Grant{
		Subject: r.GetRecipient(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, Session: loginID.String(), Life: sessionLife,
	})
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		now := s.clock.Now()
		if err := insertSession(ctx, tx, sessionRow{id: loginID.String(), recipient: r.GetRecipient(), person: r.GetRecipient(), openedAt: now}); err != nil {
			return err
		}
		return recordProved(ctx, tx, loginID, now, r.GetRecipient(), proof)
	})
	if err != nil {
		return nil, err
	}
	count(ctx, s.metrics.sessions, "proved")
	return &viewingv1.CompleteSessionResponse{
		SessionToken: minted, ExpiresAt: timestamppb.New(principal.ExpiresAt), Member: r.GetMember(), Address: r.GetAddress(),
	}, nil
}

// newState makes a state that names its login and contains 256 secret bits; only its digest is kept.
func newState(loginID uuid.UUID) string {
	secret := make([]byte, stateSecretBytes)
	_, _ = rand.Read(secret) // never returns an error since Go 1.24
	return base64.RawURLEncoding.EncodeToString(append(loginID[:], secret...))
}

func loginOf(state string) (uuid.UUID, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(raw) != len(uuid.UUID{})+stateSecretBytes {
		return uuid.UUID{}, false
	}
	return uuid.UUID(raw[:len(uuid.UUID{})]), true
}

func digestBytes(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

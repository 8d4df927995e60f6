package viewing

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/keys/keystest"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// The viewing system named in aud gets what it needs for its own check, once.
func TestVerify(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, 3*time.Second)
	v, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
	at := b.Clock.Now()
	require.Equal(t, f.GetEdocNum(), v.GetEdocNum())
	require.Equal(t, at, v.GetVerifiedAt().AsTime())
	require.True(t, proto.Equal(f.GetDocumentHash(), v.GetDocumentHash()))
	require.True(t, proto.Equal(f.GetRegisteredHash(), v.GetRegisteredHash()))
	require.Len(t, v.GetAttachmentHashes(), 2)
	require.True(t, proto.Equal(f.GetAttachmentHashes()[1], v.GetAttachmentHashes()[1]))
	require.Equal(t, f.GetRegistrationCertificateDigest(), v.GetRegistrationCertificateDigest())
	require.Equal(t, f.GetViewingDeadline().AsTime(), v.GetViewingDeadline().AsTime())
	require.True(t, proto.Equal(identifier(), v.GetRecipient()), "in the identifier kind the sender used")

	second := b.verifiedAgain(t, f)
	require.NotEqual(t, v.GetVerificationId(), second.GetVerificationId())
	stated := b.Stated(t, &viewingv1.ViewingTokenVerified{})
	require.Len(t, stated, 2)
	require.Equal(t, []uint32{1, 2}, []uint32{stated[0].GetOrdinal(), stated[1].GetOrdinal()})
	require.Equal(t, b.system, stated[0].GetActor())
	require.Equal(t, b.sender, stated[0].GetSender())
	require.Equal(t, at, unittest.Facts[*viewingv1.ViewingTokenVerified](t, b.Bench)[0].GetVerifiedAt().AsTime())
	require.Empty(t, unittest.Facts[*viewingv1.DocumentRead](t, b.Bench), "token use is never a read time")
	require.Equal(t, []string{"ACCEPTED", "ACCEPTED"}, b.outcomes(t, b.system))
	proved := about[*viewingv1.ViewingTokenVerified](t, b, f.GetEdocNum())
	require.Len(t, proved, 2)
	require.Equal(t, v.GetVerificationId(), proved[0].GetVerification())
	require.Equal(t, "SHA-256:"+strings.Repeat("0a", 32), proved[0].GetDocumentHash())
	require.Len(t, proved[0].GetTokenDigest(), 64)
	require.NotEmpty(t, proved[0].GetRequestId())
	require.Empty(t, unittest.Facts[*viewingv1.TokenChecked](t, b.Bench), "stated once")
	b.requireNowhere(t, issued.GetToken(), canaryName, "19900102", "01000000009")
}

// named signs with one key but under another key's id.
type named struct {
	keys.Signer
	id string
}

func (n named) KeyID() string { return n.id }

// malleated returns the same token with the other of the two valid ECDSA signatures.
func malleated(t *testing.T, compact string) string {
	t.Helper()
	cut := strings.LastIndexByte(compact, '.')
	signature, err := base64.RawURLEncoding.DecodeString(compact[cut+1:])
	require.NoError(t, err)
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s)
	return compact[:cut+1] + base64.RawURLEncoding.EncodeToString(append(signature[:32:32], s.FillBytes(make([]byte, 32))...))
}

// Every refused attempt gets its reason, is recorded, and leaves the token unchanged.
func TestVerifyRefused(t *testing.T) {
	t.Parallel()
	b, recipient, stranger, unknown := setup(t), unittest.NewID(), unittest.NewID(), unittest.NewID()
	b.serve(t, stranger, 1, false, b.sender, unittest.NewID())
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	good := issued.GetToken()
	read, err := viewingtoken.Parse(good)
	require.NoError(t, err)
	ours, err := b.Env.Keys.Signer(t.Context(), "viewing-token")
	require.NoError(t, err)
	session, err := b.Env.Keys.Signer(t.Context(), keys.AccessToken)
	require.NoError(t, err)
	sign := func(key keys.Signer, change func(c *viewingtoken.Claims)) string {
		c := read.Claims
		if change != nil {
			change(&c)
		}
		compact, err := viewingtoken.Sign(key, c)
		require.NoError(t, err)
		return compact
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + ours.KeyID() + `","typ":"naru-vt+jwt"}`))
	tests := []struct {
		name, system, token string
		kind                fault.Kind
		reason              viewingv1.Reason
		outcome, number     string
	}{
		{"not a token", b.system, "opensesame", fault.Invalid, viewingv1.Reason_REASON_TOKEN_MALFORMED, "MALFORMED", ""},
		{"alg none with a signature", b.system, none + "." + parts[1] + "." + parts[2], fault.Invalid, viewingv1.Reason_REASON_TOKEN_MALFORMED, "MALFORMED", ""},
		{"alg none without one", b.system, none + "." + parts[1] + ".", fault.Invalid, viewingv1.Reason_REASON_TOKEN_MALFORMED, "MALFORMED", ""},
		{"another key under its own id", b.system, sign(keystest.Signer(t, keys.ViewingToken), nil), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"another key under our id", b.system, sign(named{keystest.Signer(t, keys.ViewingToken), ours.KeyID()}, nil), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"the key of sessions", b.system, sign(session, nil), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"our key under a wrong id", b.system, sign(named{ours, session.KeyID()}, nil), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"another issuer", b.system, sign(ours, func(c *viewingtoken.Claims) { c.Platform = "naru-02" }), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"a changed claim", b.system, parts[0] + "." + strings.Split(sign(ours, func(c *viewingtoken.Claims) { c.Address = "else" }), ".")[1] + "." + parts[2],
			fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"a document nobody has", b.system, sign(ours, func(c *viewingtoken.Claims) { c.EdocNum = "20260302_NARU000001_9999999999999" }),
			fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", ""},
		{"signed here and never issued", b.system, sign(ours, func(c *viewingtoken.Claims) { c.ID = uuid.New() }),
			fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", f.GetEdocNum()},
		{"the other signature of the same claims", b.system, malleated(t, good), fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "FORGED", f.GetEdocNum()},
		{"another viewing system of the sender", stranger, good, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN, "FOREIGN", f.GetEdocNum()},
		{"a viewing system nobody knows", unknown, good, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN, "FOREIGN", f.GetEdocNum()},
	}
	kept := map[string][]string{}
	for _, test := range tests {
		before, _ := private[*viewingv1.TokenChecked](t, b, test.number)
		_, err := b.verify(t, test.system, test.token, "r-1")
		require.Error(t, err, test.name)
		requireReason(t, err, test.kind, test.reason)
		kept[test.system] = append(kept[test.system], test.outcome)
		proofs, envelopes := private[*viewingv1.TokenChecked](t, b, test.number)
		require.Len(t, proofs, len(before)+1, test.name)
		require.Equal(t, test.outcome, proofs[len(before)].GetOutcome(), test.name)
		require.Equal(t, test.system, envelopes[len(before)].GetActor(), test.name)
	}
	for system, outcomes := range kept {
		require.Equal(t, outcomes, b.outcomes(t, system))
	}
	require.Empty(t, unittest.Facts[*viewingv1.ViewingTokenVerified](t, b.Bench))
	_, err = b.verify(t, b.system, good, "r-1")
	require.NoError(t, err, "none of it used the token up")
}

// A viewing system that is suspended, or no longer serves the sender, cannot verify. One that the unit does not know yet is told
// to try again.
func TestVerifyServing(t *testing.T) {
	t.Parallel()
	b, recipient, newcomer := setup(t), unittest.NewID(), unittest.NewID()
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.serve(t, b.system, 2, true, b.sender)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN)
	b.serve(t, b.system, 3, false, unittest.NewID())
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN)
	b.serve(t, b.system, 2, false, b.sender)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN)
	b.serve(t, b.system, 4, false, b.sender)
	v, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)

	b.serve(t, b.system, 5, true, b.sender)
	_, err = b.report(t, b.system, reportOn(f, v, b.Clock.Now()))
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_VERIFICATION_UNKNOWN)

	other := b.receive(t, recipient, func(f *platformv1.DocumentFacts) { f.ViewingSystem = newcomer })
	issued, err = b.issue(t, recipient, other.GetEdocNum())
	require.NoError(t, err)
	_, err = b.verify(t, newcomer, issued.GetToken(), "r-1")
	require.ErrorIs(t, err, fault.Unavailable)
	b.serve(t, newcomer, 1, false, b.sender)
	_, err = b.verify(t, newcomer, issued.GetToken(), "r-1")
	require.NoError(t, err)
}

// The call that used a token is answered again for a minute; any other use is a replay.
func TestVerifyReplayed(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, 10*time.Minute-31*time.Second)
	first, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-2")
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED)
	b.Advance(t, time.Minute) // the token has expired meanwhile, its verification has not
	again, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
	require.True(t, proto.Equal(first, again))
	b.Advance(t, time.Microsecond)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED)
	require.Equal(t, []string{"ACCEPTED", "REPLAYED", "REPEATED", "REPLAYED"}, b.outcomes(t, b.system))
	require.Len(t, unittest.Facts[*viewingv1.ViewingTokenVerified](t, b.Bench), 1)

	unused, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, unused.GetExpiresAt().AsTime().Sub(b.Clock.Now()))
	_, err = b.verify(t, b.system, unused.GetToken(), "r-1")
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_EXPIRED)
}

// Of many verifications of one token at the same time on two replicas, one wins; calls with the same request id get the same
// answer.
func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	replicas := []*service{b.replica(t), b.replica(t)}
	for _, test := range []struct {
		name      string
		requestID func(i int) string
		wins      int
	}{
		{"different request ids", func(i int) string { return fmt.Sprintf("r-%d", i) }, 1},
		{"one request id", func(int) string { return "r" }, 16},
	} {
		f := b.receive(t, recipient)
		issued, err := b.issue(t, recipient, f.GetEdocNum())
		require.NoError(t, err)
		answers, errs := make([]*viewingv1.VerifyViewingTokenResponse, 16), make([]error, 16)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				answers[i], errs[i] = replicas[i%2].checker.VerifyViewingToken(asSystem(t.Context(), b.system),
					&viewingv1.VerifyViewingTokenRequest{Token: issued.GetToken(), RequestId: test.requestID(i)})
			})
		}
		group.Wait()
		ids := map[string]bool{}
		won := 0
		for i, err := range errs {
			if err != nil {
				requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED)
				continue
			}
			won++
			ids[answers[i].GetVerificationId()] = true
			require.Equal(t, b.Clock.Now(), answers[i].GetVerifiedAt().AsTime())
		}
		require.Equal(t, test.wins, won, test.name)
		require.Len(t, ids, 1)
		require.Equal(t, []string{"1"}, b.query(t, `select verifications::text from document where edoc_num = $1`, f.GetEdocNum()))
		require.Equal(t, []string{"16"}, b.query(t, `select count(*)::text from token_check where edoc_num = $1`, f.GetEdocNum()))
	}
}

type brokenOpener struct{ err error }

func (o brokenOpener) Open(context.Context, sealed.Purpose, string, []byte) ([]byte, error) {
	return nil, o.err
}

// If a key is temporarily unavailable, the recipient's token is not used up.
func TestVerifyWithoutKeys(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	replica := b.replica(t)
	replica.checker.sealed = brokenOpener{errors.New("no key")}
	_, err = replica.checker.VerifyViewingToken(asSystem(t.Context(), b.system), &viewingv1.VerifyViewingTokenRequest{Token: issued.GetToken(), RequestId: "r-1"})
	require.ErrorIs(t, err, fault.Unavailable)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-2")
	require.NoError(t, err)
}

// While the clock is not trusted, nothing that makes evidence is done.
func TestUntrustedClock(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Clock.Advance(5 * time.Minute) // makes the last measurement too old
	_, issueErr := b.issue(t, recipient, f.GetEdocNum())
	_, verifyErr := b.verify(t, b.system, issued.GetToken(), "r-1")
	_, reportErr := b.report(t, b.system, reportOn(f, &viewingv1.VerifyViewingTokenResponse{VerificationId: uuid.NewString()}, b.Clock.Now()))
	for _, err := range []error{issueErr, verifyErr, reportErr} {
		require.ErrorIs(t, err, fault.Unavailable)
	}
	require.Empty(t, b.outcomes(t, b.system))
}

// The malleated signature is really valid: TestVerifyRefused sees it refused only because it is not the issued token.
func TestMalleatedHolds(t *testing.T) {
	t.Parallel()
	key := keystest.Signer(t, keys.ViewingToken)
	compact, err := viewingtoken.Sign(key, viewingtoken.Claims{
		Platform: "naru-01", Address: "a", EdocNum: "20260302_NARU000001_0000000000042", Audience: "v", ID: uuid.New(),
		DocumentHash: viewingtoken.Hash{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)}, IssuedAt: time.Unix(1, 0), ExpiresAt: time.Unix(2, 0),
	})
	require.NoError(t, err)
	read, err := viewingtoken.Parse(malleated(t, compact))
	require.NoError(t, err)
	public, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	require.NoError(t, read.Verify(public))
}

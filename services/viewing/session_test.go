package viewing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/identity/identitytest"
)

var canaryCI = strings.Repeat("7Q", 43) + "=="

func canary() identitytest.Person {
	return identitytest.Person{"ci": canaryCI, "name": canaryName, "birthdate": "19900102", "phone_number": "010-0000-0009"}
}

// office is a bundle with an identity provider and a recipient that address knows.
type office struct {
	*bundle
	idp       *identitytest.Provider
	client    viewingv1.SessionServiceClient
	recipient string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	c := clock.NewFake(clock.System().Now())
	idp := identitytest.New(t, c)
	b := setup(t, unittest.WithClock(c), unittest.Config(func(c *Config) { identityAt(c, idp.Issuer) }))
	o := &office{bundle: b, idp: idp, client: viewingv1.NewSessionServiceClient(b.Unit(t, "gateway")), recipient: unittest.NewID()}
	b.address.answer = &addressv1.ResolveIdentityResponse{Recipient: o.recipient, Member: true, Address: "k7w2-ferry"}
	return o
}

// login goes to the provider and returns with code and state.
func (o *office) login(t *testing.T) *viewingv1.CompleteSessionRequest {
	t.Helper()
	started, err := o.client.StartSession(t.Context(), &viewingv1.StartSessionRequest{RedirectUri: identitytest.RedirectURI})
	require.NoError(t, err)
	require.Equal(t, o.Clock.Now().Add(5*time.Minute), started.GetExpiresAt().AsTime())
	code, state := o.idp.Login(t, started.GetAuthorizationUrl(), canary())
	require.Equal(t, started.GetState(), state)
	return &viewingv1.CompleteSessionRequest{State: state, Code: code}
}

// A proved person gets a session token with a recipient's rights, and no personal data is stored.
func TestSession(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	back := o.login(t)
	proved := o.Clock.Now()
	done, err := o.client.CompleteSession(t.Context(), back)
	require.NoError(t, err)
	require.True(t, done.GetMember())
	require.Equal(t, "k7w2-ferry", done.GetAddress())
	require.Equal(t, proved.Truncate(time.Second).Add(10*time.Minute), done.GetExpiresAt().AsTime())

	principal, err := o.Env.Authn.Verify(t.Context(), done.GetSessionToken())
	require.NoError(t, err)
	require.Equal(t, o.recipient, principal.ID)
	require.Equal(t, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, principal.Kind)
	require.Equal(t, "naru-viewing", principal.Issuer)
	require.NotEmpty(t, principal.Session)

	require.Len(t, o.address.asked, 1)
	asked := o.address.asked[0]
	require.Equal(t, []string{canaryCI, canaryName, "19900102", "01000000009"}, []string{asked.GetCi(), asked.GetName(), asked.GetBirthDate(), asked.GetPhone()})
	require.Equal(t, o.idp.Issuer, asked.GetIssuer())
	require.Equal(t, proved.Truncate(time.Second), asked.GetProvedAt().AsTime())

	stated := unittest.Facts[*viewingv1.IdentityProved](t, o.Bench)
	require.Len(t, stated, 1)
	envelope := o.Stated(t, &viewingv1.IdentityProved{})[0]
	require.Equal(t, []string{principal.Session, o.recipient}, []string{envelope.GetSubject(), envelope.GetActor()})
	require.True(t, proto.Equal(&viewingv1.IdentityProved{
		Session: principal.Session, Issuer: o.idp.Issuer, AssertionDigest: asked.GetAssertionDigest(), AuthTime: timestamppb.New(proved.Truncate(time.Second)),
	}, stated[0]), "%v", stated[0])
	require.Len(t, asked.GetAssertionDigest(), 64)

	f := o.receive(t, o.recipient)
	_, err = o.issue(t, o.recipient, f.GetEdocNum())
	require.NoError(t, err)
	o.requireNowhere(t, canaryCI, canaryName, "19900102", "01000000009", "010-0000-0009", back.GetState(), back.GetCode(), done.GetSessionToken())
}

// Keys have one purpose each: a session signed with another key of this unit, or of another unit, is refused. (TestVerifyRefused
// has a viewing token signed with the session key.)
func TestSessionByAKeyOfAnotherPurpose(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	own, err := b.Env.Keys.Signer(t.Context(), keys.AccessToken)
	require.NoError(t, err)
	open := func(keyID string, signer keys.Signer) error {
		minter, err := authn.NewMinter("viewing", authn.Key{ID: keyID, Signer: signer}, b.Clock)
		require.NoError(t, err)
		session, _, err := minter.Mint(authn.Grant{Subject: recipient, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, Session: "s", Life: time.Minute})
		require.NoError(t, err)
		_, err = viewingv1.NewViewingTokenServiceClient(b.Bearing(t, session)).IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()})
		return err
	}
	require.NoError(t, open(own.KeyID(), own))
	for _, purpose := range []string{keys.ViewingToken, keys.Receipt} {
		other, err := b.Env.Keys.Signer(t.Context(), purpose)
		require.NoError(t, err)
		for _, keyID := range []string{other.KeyID(), own.KeyID()} {
			err := open(keyID, other)
			require.ErrorIs(t, err, fault.Unauthenticated, purpose)
			require.Equal(t, "TOKEN_INVALID", fault.ReasonOf(err))
		}
	}
}

// A login can be completed once, within five minutes, with its own state.
func TestSessionUnknown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	back := o.login(t)
	_, err := o.client.CompleteSession(t.Context(), back)
	require.NoError(t, err)
	late := o.login(t)
	o.Advance(t, 5*time.Minute)
	changed := o.login(t)
	flipped := []byte(changed.GetState())
	flipped[40] ^= 1
	for _, test := range []struct{ name, state string }{
		{"used", back.GetState()},
		{"too old", late.GetState()},
		{"one bit off", string(flipped)},
		{"made up", strings.Repeat("A", 64)},
		{"another form", strings.Repeat("!", 64)},
		{"too short", strings.Repeat("A", 22)},
	} {
		_, err := o.client.CompleteSession(t.Context(), &viewingv1.CompleteSessionRequest{State: test.state, Code: changed.GetCode()})
		require.Error(t, err, test.name)
		requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_SESSION_UNKNOWN)
	}
	_, err = o.client.CompleteSession(t.Context(), changed)
	require.NoError(t, err, "none of it used the login up")
}

// Of two completions with one state, one is accepted.
func TestSessionOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	replicas := []*service{o.replica(t), o.replica(t)}
	back := o.login(t)
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = replicas[i%2].sessions.CompleteSession(t.Context(), back) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_SESSION_UNKNOWN)
	}
	require.Equal(t, 1, won)
	require.Len(t, o.address.asked, 1)
}

// The code of one login does not complete another, because each has its own nonce and verifier.
func TestSessionMixed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	mine, theirs := o.login(t), o.login(t)
	_, err := o.client.CompleteSession(t.Context(), &viewingv1.CompleteSessionRequest{State: mine.GetState(), Code: theirs.GetCode()})
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_IDENTITY_REFUSED)
	require.Empty(t, o.address.asked)
}

func TestSessionRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		faults identitytest.Faults
		why    string
	}{
		{"another key", identitytest.Faults{Sign: func(payload []byte) string { return identitytest.Sign(key, payload) }}, "assertion_invalid"},
		{"too old", identitytest.Faults{Claims: func(c map[string]any) { c["auth_time"] = o.Clock.Now().Add(-time.Hour).Unix() }}, "auth_time_old"},
		{"without CI", identitytest.Faults{Claims: func(c map[string]any) { delete(c, "ci") }}, "claims_incomplete"},
	} {
		back := o.login(t)
		o.idp.Fail(test.faults)
		_, err := o.client.CompleteSession(t.Context(), back)
		require.Error(t, err, test.name)
		requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_IDENTITY_REFUSED)
		o.idp.Fail(identitytest.Faults{})
		refused := unittest.Facts[*viewingv1.IdentityRefused](t, o.Bench)
		require.Equal(t, test.why, refused[len(refused)-1].GetWhy())
	}
	require.Empty(t, o.address.asked)
	o.requireNowhere(t, canaryCI, canaryName, "19900102", "01000000009")
}

func TestSessionUnavailable(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	down := func(path string) identitytest.Faults {
		return identitytest.Faults{Answer: func(w http.ResponseWriter, called string) bool {
			if called == path {
				w.WriteHeader(http.StatusBadGateway)
			}
			return called == path
		}}
	}
	o.idp.Fail(down("/.well-known/openid-configuration"))
	_, err := o.client.StartSession(t.Context(), &viewingv1.StartSessionRequest{RedirectUri: identitytest.RedirectURI})
	requireReason(t, err, fault.Unavailable, viewingv1.Reason_REASON_IDENTITY_PROVIDER_UNAVAILABLE)
	for _, path := range []string{"/token", "/jwks"} {
		o.idp.Fail(identitytest.Faults{})
		back := o.login(t)
		o.idp.Fail(down(path))
		_, err = o.client.CompleteSession(t.Context(), back)
		requireReason(t, err, fault.Unavailable, viewingv1.Reason_REASON_IDENTITY_PROVIDER_UNAVAILABLE)
	}
	o.idp.Fail(identitytest.Faults{})

	o.address.err = fault.New(fault.Unavailable, "address", nil, "")
	_, err = o.client.CompleteSession(t.Context(), o.login(t))
	require.ErrorIs(t, err, fault.Unavailable)
	o.address.err = fault.New(fault.Invalid, "address", addressv1.Reason_REASON_INVALID_REQUEST, "",
		fault.WithViolations(fault.Violation{Field: "ci", Rule: "len", Message: "m"}))
	_, err = o.client.CompleteSession(t.Context(), o.login(t))
	require.ErrorIs(t, err, fault.Internal, "what address says about a request the caller never made is not the caller's")
	require.Empty(t, fault.As(err).Violations)
	require.Empty(t, unittest.Facts[*viewingv1.IdentityProved](t, o.Bench))
	o.requireNowhere(t, canaryCI, canaryName, "01000000009")
}

func TestStartSessionRedirect(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, redirect := range []string{"https://evil.example/back", identitytest.RedirectURI + "/", identitytest.RedirectURI + "?x=1"} {
		_, err := o.client.StartSession(t.Context(), &viewingv1.StartSessionRequest{RedirectUri: redirect})
		requireReason(t, err, fault.Invalid, viewingv1.Reason_REASON_REDIRECT_NOT_ALLOWED)
	}
	require.Zero(t, o.idp.Calls("/.well-known/openid-configuration"))
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := func() *Config {
		c := Default()
		identityAt(c, "https://idp.example")
		return c
	}
	require.NoError(t, good().Validate())
	for _, test := range []struct {
		name   string
		change func(c *Config)
		path   string
	}{
		{"no issuer", func(c *Config) { c.Identity.Issuer = "" }, "identity.issuer"},
		{"http beyond this machine", func(c *Config) { c.Identity.Issuer = "http://idp.example" }, "identity.issuer"},
		{"no client", func(c *Config) { c.Identity.ClientID = "" }, "identity.client_id"},
		{"no secret", func(c *Config) { c.Identity.ClientSecretFile = config.SecretFile{} }, "identity.client_secret_file"},
		{"no redirect", func(c *Config) { c.Identity.RedirectURIs = nil }, "identity.redirect_uris"},
		{"a redirect that is no URL", func(c *Config) { c.Identity.RedirectURIs = []string{"/back"} }, "identity.redirect_uris[0]"},
		{"a redirect with fragment", func(c *Config) { c.Identity.RedirectURIs = []string{"https://a.example/#b"} }, "identity.redirect_uris[0]"},
		{"no age", func(c *Config) { c.Identity.MaxAge = 0 }, "identity.max_age"},
		{"a wide skew", func(c *Config) { c.Identity.Skew = config.Duration(time.Hour) }, "identity.skew"},
		{"no timeout", func(c *Config) { c.Identity.Timeout = 0 }, "identity.timeout"},
		{"no refresh", func(c *Config) { c.Identity.Refresh = 0 }, "identity.refresh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := good()
			test.change(c)
			problems := config.List(c.Validate())
			require.Len(t, problems, 1)
			require.Equal(t, test.path, problems[0].Path)
		})
	}
}

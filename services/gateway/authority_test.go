package gateway

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// certificate is what is asked for in these tests; the unit behind the door does not ask who calls.
const (
	certificateID = "0196f0a2-0000-7000-8000-000000000001"
	certificate   = "/v1/certificates/" + certificateID + "/content"
)

// everything are the scopes of somebody who may do all there is for an organisation.
func everything() []string { return authn.Scopes(platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT) }

// A session of an organisation is refused at both doors, within a second, once the authority of the person who took it has
// ended. Other persons go on, and a new authority gives a session that is admitted at once.
func TestSessionOfAnEndedAuthority(t *testing.T) {
	t.Parallel()
	w := setup(t)
	organisation, person, other := unittest.NewID(), unittest.NewID(), unittest.NewID()
	w.units.authorise(organisation, person, everything()...)
	w.units.authorise(organisation, other, everything()...)
	open, others := w.ActingToken(t, organisation, person), w.ActingToken(t, organisation, other)
	certificates := certificatev1.NewCertificateServiceClient(w.dial(t))
	byGRPC := func(token string) error {
		_, err := certificates.DownloadCertificate(bearing(t, token), &certificatev1.DownloadCertificateRequest{Id: certificateID})
		return fault.FromStatus(status.Convert(err))
	}
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, open, "").status)
	require.NoError(t, byGRPC(open))
	require.Equal(t, 1, w.units.questions(), "an answer is good for a second")

	w.units.authorise(organisation, person)
	w.Advance(t, authorityAge)
	refused := w.call(t, http.MethodGet, certificate, open, "")
	require.Equal(t, http.StatusForbidden, refused.status, "%s", refused.body)
	require.Equal(t, "NOT_AUTHORISED", refused.json(t)["reason"])
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(byGRPC(open)))
	require.Equal(t, 2, w.units.questions(), "a bad answer, too")
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, others, "").status)

	w.units.authorise(organisation, person, everything()...)
	anew := w.ActingToken(t, organisation, person)
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, anew, "").status)
}

// While the address unit is away, no session of an organisation is admitted; everybody else's calls go on and are not asked
// about.
func TestAuthoritiesCannotBeAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	organisation, person := unittest.NewID(), unittest.NewID()
	w.units.authorise(organisation, person, everything()...)
	session := w.ActingToken(t, organisation, person)
	w.units.leave(fault.New(fault.Unavailable, "address", nil, ""))
	away := w.call(t, http.MethodGet, certificate, session, "")
	require.Equal(t, http.StatusServiceUnavailable, away.status)
	require.NotEmpty(t, away.header.Get("Retry-After"))
	asked := w.units.questions()
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, w.sender(t), "").status)
	require.Equal(t, asked, w.units.questions())

	w.units.leave(nil)
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, session, "").status, "it is asked again at once")
}

// Who may not act for an organisation any more uses up nothing of its quota.
func TestEndedAuthorityTakesNoQuota(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Quota.RequestsPerSecond, c.Quota.RequestsBurst = 1, 1 })
	organisation, other := unittest.NewID(), unittest.NewID()
	w.units.authorise(organisation, other, everything()...)
	ended := w.ActingToken(t, organisation, unittest.NewID())
	for range 3 {
		require.Equal(t, http.StatusForbidden, w.call(t, http.MethodGet, certificate, ended, "").status)
	}
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, w.ActingToken(t, organisation, other), "").status)
}

// What is remembered of sessions is bounded.
func TestRememberedAuthoritiesAreBounded(t *testing.T) {
	t.Parallel()
	a := newAuthorities(nil, clock.System())
	for range maxRemembered + 1 {
		a.remember(unittest.NewID(), recent{})
	}
	require.Len(t, a.sessions, 1)
}

// A session that holds more than the person's rights give by now is refused; one with the rights it has now is admitted, and no
// session does what its scopes do not say.
func TestSessionOfLesserRights(t *testing.T) {
	t.Parallel()
	w := setup(t)
	organisation, person := unittest.NewID(), unittest.NewID()
	w.units.authorise(organisation, person, "certificates", "documents.read", "documents.receive")
	before := w.ActingToken(t, organisation, person, "certificates", "documents.read", "documents.receive")
	require.Equal(t, http.StatusOK, w.call(t, http.MethodGet, certificate, before, "").status)

	w.units.authorise(organisation, person, "documents.receive")
	w.Advance(t, authorityAge)
	refused := w.call(t, http.MethodGet, certificate, before, "")
	require.Equal(t, "NOT_AUTHORISED", refused.json(t)["reason"], "%s", refused.body)
	anew := w.call(t, http.MethodGet, certificate, w.ActingToken(t, organisation, person, "documents.receive"), "")
	require.Equal(t, http.StatusForbidden, anew.status)
	require.Equal(t, "SCOPE_MISSING", anew.json(t)["reason"])
}

package harness

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
)

// Organisation is a company that receives documents, with the session that its representative took.
type Organisation struct {
	*Recipient
	// ID is its recipient id.
	ID, BusinessNumber, Address string
	// Representative is the person with its own session.
	Representative *Recipient
}

// ByBusinessNumber identifies the organisation in a send request.
func ByBusinessNumber(number string) map[string]any { return map[string]any{"businessNumber": number} }

// Apply asks for an organisation with a business number, by a person with its own session, and returns the application's id.
func (r *Recipient) Apply(t testing.TB, businessNumber string) string {
	t.Helper()
	return r.ApplyAs(t, "시험용 나루상사", businessNumber)
}

// ApplyAs does so with a name of the organisation.
func (r *Recipient) ApplyAs(t testing.TB, name, businessNumber string) string {
	t.Helper()
	var asked struct{ Application struct{ ID, State string } }
	r.Do(t, http.MethodPost, "/v1/organisation-applications", map[string]any{
		"application": map[string]any{"name": name, "businessNumber": businessNumber, "type": "ORGANISATION_TYPE_CORPORATION", "termsVersion": "1"},
		"requestId":   "apply-" + rand.Text(), "consent": true, "designateInbox": true,
		"businessDocument": base64.StdEncoding.EncodeToString(blankJPEG()), "registrationDocument": base64.StdEncoding.EncodeToString(blankJPEG()),
	}).Into(t, &asked)
	require.Equal(t, "APPLICATION_STATE_WAITING", asked.Application.State)
	return asked.Application.ID
}

// Confirm has the operator confirm an application, and returns the organisation's recipient id.
func (s *Stack) Confirm(t testing.TB, application string) string {
	t.Helper()
	var confirmed struct{ Application struct{ Organisation string } }
	s.Admin(t).Do(t, http.MethodPost, "/v1/admin/organisation-applications/"+application+":confirm", map[string]any{}).Into(t, &confirmed)
	return confirmed.Application.Organisation
}

// ActFor takes a session of an organisation.
func (r *Recipient) ActFor(t testing.TB, organisation string) *Recipient {
	t.Helper()
	var session struct{ SessionToken string }
	r.Do(t, http.MethodPost, "/v1/sessions:act", map[string]string{"organisation": organisation}).Into(t, &session)
	return &Recipient{Caller: r.stack.WithToken(session.SessionToken), Person: r.Person, stack: r.stack}
}

// NewOrganisation makes an organisation a member by its representative, and waits until the hub has the address.
func (s *Stack) NewOrganisation(t testing.TB) *Organisation {
	t.Helper()
	representative, number := s.LogInPerson(t, s.NewPerson(t)), invented.AnyBusinessNumber()
	return s.Joined(t, representative, number, s.Confirm(t, representative.Apply(t, number)))
}

// Joined waits until the hub has the address of an organisation whose representative was confirmed.
func (s *Stack) Joined(t testing.TB, representative *Recipient, number, id string) *Organisation {
	t.Helper()
	o := &Organisation{Recipient: representative.ActFor(t, id), ID: id, BusinessNumber: number, Representative: representative}
	await.Require(t, Patience, func() bool {
		var got struct {
			Membership struct{ State, Address string }
		}
		o.Do(t, http.MethodGet, "/v1/membership", nil).Into(t, &got)
		o.Address = got.Membership.Address
		return got.Membership.State == "MEMBER_STATE_ACTIVE"
	})
	return o
}

// Authorise names a further person who may do something for the organisation (e.g. LOOK), and returns the authority's id.
func (o *Organisation) Authorise(t testing.TB, p Person, rights ...string) string {
	t.Helper()
	var named struct{ Authority struct{ ID string } }
	o.Do(t, http.MethodPost, "/v1/organisation/authorities", map[string]any{
		"name": p.Name, "birthDate": p.BirthDate, "phone": p.Phone, "rights": rightsNamed(rights),
	}).Into(t, &named)
	return named.Authority.ID
}

// SetRights changes what a person may do for the organisation.
func (o *Organisation) SetRights(t testing.TB, authority string, rights ...string) {
	t.Helper()
	o.Do(t, http.MethodPut, "/v1/organisation/authorities/"+authority+"/rights", map[string]any{"rights": rightsNamed(rights)}).Into(t, &struct{}{})
}

func rightsNamed(rights []string) []string {
	named := make([]string, len(rights))
	for i, right := range rights {
		named[i] = "AUTHORITY_RIGHT_" + right
	}
	return named
}

// ApplicationOf is the id of the application that waits for an organisation with a business number.
func (s *Stack) ApplicationOf(t testing.TB, businessNumber string) string {
	t.Helper()
	var waiting struct {
		Applications []struct{ ID, BusinessNumber string }
	}
	s.Admin(t).Do(t, http.MethodGet, "/v1/admin/organisation-applications?pageSize=1000", nil).Into(t, &waiting)
	for _, one := range waiting.Applications {
		if one.BusinessNumber == businessNumber {
			return one.ID
		}
	}
	require.Fail(t, "nobody has applied for the organisation")
	return ""
}

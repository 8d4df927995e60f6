package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// changedName is the latest change of a name as its owner sees it.
type changedName struct{ ID, State, Name, Refusal string }

// requireAtHub checks that the hub says of an address what this relay believes.
func (o operator) requireAtHub(t *testing.T, address string) {
	t.Helper()
	var checked struct {
		Addresses []struct {
			Address, State string
			Differences    []string
		}
	}
	o.Do(t, http.MethodGet, "/v1/admin/addresses:check?addresses="+url.QueryEscape(address), nil).Into(t, &checked)
	require.Len(t, checked.Addresses, 1)
	require.Equal(t, "ADDRESS_STATE_REGISTERED", checked.Addresses[0].State)
	require.Empty(t, checked.Addresses[0].Differences)
}

// An institution that was renamed is so at the hub, which certifies the name that the sender had when it sent.
func TestInstitutionIsRenamed(t *testing.T) {
	t.Parallel()
	office := newOperator(t)
	i, _ := stack.NewInstitution(t)
	r := stack.NewMember(t)
	before := registered(t, i, r.ByCI())
	var got struct {
		Institution struct {
			Name, Type string
			NameChange changedName
		}
	}
	office.Do(t, http.MethodGet, "/v1/admin/institutions/"+i.ID, nil).Into(t, &got)
	was := got.Institution.Name
	office.requireAtHub(t, i.Address)
	// The hub knows whole seconds, and the change of a second counts for all of it.
	sent := clock.System().Now().Unix()
	await.Require(t, harness.Patience, func() bool { return clock.System().Now().Unix() > sent })
	office.Do(t, http.MethodPost, "/v1/admin/institutions/"+i.ID+":change", map[string]any{
		"requestId": "rename", "name": "시험용 새이름 기관", "type": "ORGANISATION_TYPE_PUBLIC_INSTITUTION",
		"businessDocument": picture(t, 8), "registrationDocument": picture(t, 8),
	}).Into(t, &got)
	require.Equal(t, "시험용 새이름 기관", got.Institution.NameChange.Name)
	await.Require(t, harness.Patience, func() bool {
		office.Do(t, http.MethodGet, "/v1/admin/institutions/"+i.ID, nil).Into(t, &got)
		return got.Institution.NameChange.State == "NAME_CHANGE_STATE_ACCEPTED"
	})
	require.Equal(t, []string{"시험용 새이름 기관", "ORGANISATION_TYPE_PUBLIC_INSTITUTION"}, []string{got.Institution.Name, got.Institution.Type})
	office.requireAtHub(t, i.Address)
	after := registered(t, i, r.ByCI())

	roots, pin := pool(t, "hub-root.pem"), sha256.Sum256(leaf(t, "hub-leaf.pem").RawSubjectPublicKeyInfo)
	for name, d := range map[string]*harness.Document{was: before, "시험용 새이름 기관": after} {
		issued := settled(t, i.Caller, requested(t, i.Caller, d.EdocNum, "name-"+d.EdocNum, "제출").ID)
		require.Equal(t, "CERTIFICATE_STATE_ISSUED", issued.State, issued.Reason)
		pdf := i.Do(t, http.MethodGet, "/v1/certificates/"+issued.ID+"/content", nil)
		certificate, _, err := distcert.Verify(pdf.Body, distcert.Options{
			Roots: roots, PinnedSigner: distcert.Pins{SPKI: []string{hex.EncodeToString(pin[:])}}, At: clock.System().Now(),
		})
		require.NoError(t, err)
		require.Equal(t, name, certificate.Sender.Name)
	}
}

package e2e

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// picture returns a square JPEG with the given side in pixels, as base64.
func picture(t *testing.T, side int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, side, side)), nil))
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// madeInstitution is an institution as the operator sees it.
type madeInstitution struct {
	Institution struct {
		ID, Name, Address, AddressState, Refusal, AskedAgainAt string
	}
}

func (o operator) awaitAddress(t *testing.T, id, state string) {
	t.Helper()
	await.Require(t, harness.Patience, func() bool {
		var got madeInstitution
		o.Do(t, http.MethodGet, "/v1/admin/institutions/"+id, nil).Into(t, &got)
		return got.Institution.AddressState == "ADDRESS_STATE_"+state
	})
}

// The following test runs alone, because the hub misbehaves for every caller.

// An institution that the hub refuses is asked about again by itself, and gets its address with the papers and the name that were
// submitted last.
func TestInstitutionIsSubmittedAgain(t *testing.T) {
	office, suffix := newOperator(t), strings.ToLower(uuid.NewString()[:12])
	hub := stack.Misbehave(t, scenario.Scenario{
		Kind: scenario.FailureOK, Match: scenario.Match{Method: http.MethodPost, Path: "/api/eaddr"}, ErrCode: "ERR-01-399", Forever: true,
	})
	var made madeInstitution
	office.Do(t, http.MethodPost, "/v1/admin/institutions", map[string]any{
		"institution": map[string]any{
			"name": "시험용 기과 " + suffix, "businessNumber": invented.AnyBusinessNumber(), "type": "ORGANISATION_TYPE_CORPORATION", "address": "again-" + suffix,
			"archiveMemberships": []any{stack.Membership(t)},
		},
		"businessDocument": picture(t, 8), "registrationDocument": picture(t, 8),
	}).Into(t, &made)
	id := made.Institution.ID
	office.awaitAddress(t, id, "REFUSED")
	await.Require(t, harness.Patience, func() bool { return hub.Taken(t) >= 3 })
	office.Do(t, http.MethodGet, "/v1/admin/institutions/"+id, nil).Into(t, &made)
	require.Equal(t, "HUB_REFUSED:ERR-01-399", made.Institution.Refusal)
	require.NotEmpty(t, made.Institution.AskedAgainAt)

	resubmit := func(requestID string, side int) harness.Answer {
		return office.Do(t, http.MethodPost, "/v1/admin/institutions/"+id+":resubmit", map[string]any{
			"requestId": requestID, "name": "시험용 기관 " + suffix, "businessDocument": picture(t, side), "registrationDocument": picture(t, side),
		})
	}
	resubmit("first", 16).Into(t, &made)
	office.awaitAddress(t, id, "REFUSED")
	resubmit("first", 16).Into(t, &made)
	require.Equal(t, "ADDRESS_STATE_REFUSED", made.Institution.AddressState, "a repeat asks nothing")
	resubmit("second", 24).Into(t, &made)
	require.Equal(t, "ADDRESS_STATE_PENDING", made.Institution.AddressState)
	office.awaitAddress(t, id, "REFUSED")
	hub.End(t)
	office.awaitAddress(t, id, "REGISTERED")
	requireRefusal(t, resubmit("third", 24), http.StatusConflict, "ADDRESS_NOT_REFUSED")
	requireRefusal(t, resubmit("second", 16), http.StatusUnprocessableEntity, "REQUEST_ID_REUSED")

	var history struct {
		Eaddrs []struct {
			Eaddr, Name string
			Documents   int
		}
	}
	stack.Sandbox(t, stack.Endpoints.Sandbox.Hub, http.MethodGet, "/sandbox/eaddrs?platformId="+stack.Endpoints.PlatformID, nil, &history)
	held := 0
	for _, period := range history.Eaddrs {
		if period.Eaddr == made.Institution.Address {
			held++
			require.Equal(t, "시험용 기관 "+suffix, period.Name)
			require.Equal(t, 2, period.Documents)
		}
	}
	require.Equal(t, 1, held)
}

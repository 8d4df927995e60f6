package idp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The phone shows invitations by contact, and misbehaves about one contact as it is told.
func TestPhoneTakesInvitations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	invite := func(contact, webhook string) (int, http.Header) {
		t.Helper()
		body := `{"type":"recipient.invited","contact":` + contact + `,"code":"ABCDE-FGHJK"}`
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+"/notices", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Webhook-Id", webhook)
		answer, err := b.server.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode, answer.Header
	}
	const mine, other, mail = `{"phone":"01011112222"}`, `{"phone":"01033334444"}`, `{"email":"ga@mail.example"}`
	for webhook, contact := range map[string]string{"a": mine, "b": other, "c": mail} {
		status, _ := invite(contact, webhook)
		require.Equal(t, http.StatusNoContent, status)
	}
	_, list := b.admin(http.MethodGet, "/sandbox/invitations?phone=01011112222", "")
	require.Len(t, list["invitations"], 1)
	_, list = b.admin(http.MethodGet, "/sandbox/invitations?email=ga@mail.example", "")
	require.Len(t, list["invitations"], 1)
	status, _ := b.admin(http.MethodGet, "/sandbox/invitations", "")
	require.Equal(t, http.StatusBadRequest, status)

	for id, put := range map[string]struct {
		scenario string
		want     int
	}{
		"no":    {`{"kind":"no-such-person","match":{"key":"01011112222"}}`, http.StatusNotFound},
		"later": {`{"kind":"retry-after","delay":"1500ms","match":{"key":"01011112222"}}`, http.StatusServiceUnavailable},
		"down":  {`{"kind":"down","match":{"key":"01011112222"}}`, http.StatusBadGateway},
		"slow":  {`{"kind":"slow","delay":"1ms","match":{"key":"01011112222"}}`, http.StatusNoContent},
	} {
		status, _ := b.admin(http.MethodPut, "/sandbox/scenarios/"+id, put.scenario)
		require.Less(t, status, 300, id)
		status, _ = invite(other, "other-"+id)
		require.Equal(t, http.StatusNoContent, status, id)
		status, header := invite(mine, id)
		require.Equal(t, put.want, status, id)
		if id == "later" {
			require.Equal(t, "2", header.Get("Retry-After"))
		}
	}
}

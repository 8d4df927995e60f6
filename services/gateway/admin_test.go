package gateway

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

func readCredentials(t *testing.T, file string) login {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var c login
	require.NoError(t, json.Unmarshal(raw, &c))
	require.Len(t, c.Secret, 43)
	return c
}

// The first operator is made once, and its secret is nowhere but in the file.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	require.NotContains(t, w.Logs.String(), w.admin.Secret)
	var kept int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from client where encode(secret_digest, 'escape') like '%' || $1 || '%'`, w.admin.Secret).Scan(&kept))
	require.Zero(t, kept)

	again := t.TempDir() + "/again.json"
	made, err := bootstrap(t.Context(), again, w.Env.Journal, w.Clock)
	require.NoError(t, err)
	require.False(t, made)
	require.NoFileExists(t, again)
}

// An institution is made once, told to the others, and handed to the address unit with its documents, which are not kept.
func TestCreateInstitution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.token(t, w.admin)
	id, sender := w.institution(t, "1234567892", "Sender-Ä-Create")
	require.NotEmpty(t, sender.Secret)
	facts := unittest.AwaitEmitted[*gatewayv1.PrincipalChanged](t, w.Bench, 1)
	require.Equal(t, []string{id, "sender-Ä-create"}, []string{facts[0].GetId(), facts[0].GetAddress()})

	calls := w.units.registrations()
	require.Len(t, calls, 1)
	require.Equal(t, id, calls[0].GetPrincipal())
	require.Len(t, calls[0].GetBusinessDocument(), 100)
	require.Len(t, calls[0].GetRegistrationDocument(), 200)
	var documents int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from address_registration where business_document is not null`).Scan(&documents))
	require.Zero(t, documents)

	got := w.call(t, "GET", "/v1/admin/institutions/"+id, admin, "").json(t)["institution"].(map[string]any)
	require.Equal(t, "ADDRESS_STATE_REGISTERED", got["addressState"])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, got["createdAt"])

	again := w.call(t, "POST", "/v1/admin/institutions", admin, institutionJSON("보기기관", "1234567892", "SENDER-Ä-CREATE"))
	require.Equal(t, 200, again.status, "%s", again.body)
	require.NotContains(t, again.json(t), "credentials")
	for name, tt := range map[string]struct {
		body, reason string
		status       int
	}{
		"another institution wants the address": {institutionJSON("다른기관", "1234567893", "sender-Ä-create"), "ADDRESS_TAKEN", 409},
		"the same one with another name":        {institutionJSON("다른기관", "1234567892", "sender-Ä-create"), "INSTITUTION_DIFFERS", 409},
		"a document that is no JPEG":            {strings.Replace(institutionJSON("보기기관", "1234567894", "x-y-z"), "/9j/", "AAAA", 1), "INVALID_REQUEST", 400},
	} {
		refused := w.call(t, "POST", "/v1/admin/institutions", admin, tt.body)
		require.Equal(t, tt.status, refused.status, "%s: %s", name, refused.body)
		require.Equal(t, tt.reason, refused.json(t)["reason"], name)
	}
	require.Equal(t, "INSTITUTION_NOT_FOUND", w.call(t, "GET", "/v1/admin/institutions/"+unittest.NewID(), admin, "").json(t)["reason"])
	operator, err := w.Env.Authn.Verify(t.Context(), admin)
	require.NoError(t, err)
	require.Equal(t, []string{
		"InstitutionSubmitted 1 " + operator.ID, "ClientCreated 1 " + operator.ID, "PrincipalChanged 1 " + operator.ID, "AddressRegistrationSettled 1 " + unitActor,
	}, w.ofInstitution(t, id))
}

// While the address unit is down an institution waits with its documents encrypted, and is handed over when it is back.
func TestRegistrationIsRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.units.refuse(fault.New(fault.Unavailable, "address", addressv1.Reason_REASON_HUB_UNAVAILABLE, ""))
	got := w.call(t, "POST", "/v1/admin/institutions", w.token(t, w.admin), institutionJSON("보기기관", "1234567895", "sender-retry"))
	require.Equal(t, 200, got.status, "%s", got.body)
	made := got.json(t)["institution"].(map[string]any)
	require.Equal(t, "ADDRESS_STATE_PENDING", made["addressState"])
	var kept []byte
	require.NoError(t, w.App.QueryRow(t.Context(), `select business_document from address_registration where state = 'due'`).Scan(&kept))
	require.NotContains(t, string(kept), "\xff\xd8\xff\x01\x01\x01")

	w.units.refuse(nil)
	// The row is leased to the call that made it; the test does not wait for the lease.
	_, err := w.Owner.Exec(t.Context(), `update address_registration set due_at = now()`)
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		var state string
		if err := w.App.QueryRow(ctx, `select state from address_registration`).Scan(&state); err != nil {
			return err
		}
		if state != stateTaken {
			return fault.New(fault.NotFound, "", nil, state)
		}
		return nil
	})
	calls := w.units.registrations()
	require.Equal(t, calls[0].GetBusinessDocument(), calls[len(calls)-1].GetBusinessDocument())
}

// An address that belongs to somebody else at the address unit ends as refused.
func TestAddressRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.units.refuse(fault.New(fault.Exists, "address", addressv1.Reason_REASON_ADDRESS_TAKEN, ""))
	admin := w.token(t, w.admin)
	got := w.call(t, "POST", "/v1/admin/institutions", admin, institutionJSON("보기기관", "1234567896", "sender-refused")).json(t)["institution"].(map[string]any)
	require.Equal(t, "ADDRESS_STATE_REFUSED", got["addressState"])
	got = w.call(t, "GET", "/v1/admin/institutions/"+got["id"].(string), admin, "").json(t)["institution"].(map[string]any)
	require.Equal(t, "ADDRESS_STATE_REFUSED", got["addressState"])
}

// Institutions are listed newest first, page by page.
func TestListInstitutions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	var want []string
	for _, address := range []string{"sender-a", "sender-b", "sender-c"} {
		id, _ := w.institution(t, "1234567897", address)
		want = append([]string{id}, want...)
	}
	var got []string
	token := ""
	for {
		page, err := client.ListInstitutions(t.Context(), &gatewayv1.ListInstitutionsRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, i := range page.GetInstitutions() {
			got = append(got, i.GetId())
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Equal(t, want, got)
	_, err := client.ListInstitutions(t.Context(), &gatewayv1.ListInstitutionsRequest{PageToken: "x"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
}

// Credentials come and go; a revoked client gets no token.
func TestClients(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	sender, _ := w.institution(t, "1234567898", "sender-clients")
	system, err := client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{sender}}})
	require.NoError(t, err)
	facts := unittest.AwaitEmitted[*gatewayv1.PrincipalChanged](t, w.Bench, 2)
	require.Equal(t, []string{sender}, facts[1].GetSenders())
	_, err = client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{unittest.NewID()}}})
	require.Equal(t, "INSTITUTION_NOT_FOUND", fault.ReasonOf(err))

	owner := system.GetViewingSystem().GetId()
	narrow, err := client.CreateClient(t.Context(), &gatewayv1.CreateClientRequest{Principal: owner, Scopes: []string{"viewing.report"}})
	require.NoError(t, err)
	own := login{narrow.GetCredentials().GetClientId(), narrow.GetCredentials().GetClientSecret()}
	p, err := w.Env.Authn.Verify(t.Context(), w.token(t, own))
	require.NoError(t, err)
	require.Equal(t, []string{"viewing.report"}, p.Scopes)
	require.Equal(t, owner, p.ID)

	for name, tt := range map[string]struct {
		request *gatewayv1.CreateClientRequest
		reason  string
	}{
		"a scope of another kind": {&gatewayv1.CreateClientRequest{Principal: owner, Scopes: []string{"admin"}}, "INVALID_SCOPE"},
		"nobody":                  {&gatewayv1.CreateClientRequest{Principal: unittest.NewID()}, "PRINCIPAL_NOT_FOUND"},
		"no key":                  {&gatewayv1.CreateClientRequest{Principal: owner, PublicJwk: "{}"}, "INVALID_REQUEST"},
	} {
		_, err := client.CreateClient(t.Context(), tt.request)
		require.Equal(t, tt.reason, fault.ReasonOf(err), name)
	}
	for range 2 {
		_, err = client.RevokeClient(t.Context(), &gatewayv1.RevokeClientRequest{ClientId: own.ID})
		require.NoError(t, err)
	}
	require.Equal(t, 401, w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {own.ID}, "client_secret": {own.Secret}}).status)
	_, err = client.RevokeClient(t.Context(), &gatewayv1.RevokeClientRequest{ClientId: "c-unknown"})
	require.Equal(t, "CLIENT_NOT_FOUND", fault.ReasonOf(err))

	for range 9 {
		_, err = client.CreateClient(t.Context(), &gatewayv1.CreateClientRequest{Principal: owner})
		require.NoError(t, err)
	}
	_, err = client.CreateClient(t.Context(), &gatewayv1.CreateClientRequest{Principal: owner})
	require.Equal(t, "TOO_MANY_CLIENTS", fault.ReasonOf(err))
}

// Of callers that make the same institution at once, one makes it and all get it.
func TestCreateInstitutionAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	document := append([]byte{0xff, 0xd8, 0xff}, 1)
	answers, errs := make([]*gatewayv1.CreateInstitutionResponse, 8), make([]error, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i], errs[i] = client.CreateInstitution(t.Context(), &gatewayv1.CreateInstitutionRequest{
				Institution: &gatewayv1.Institution{
					Name: "보기기관", BusinessNumber: "1234567800", Type: gatewayv1.OrganisationType_ORGANISATION_TYPE_STATE_AGENCY, Address: "sender-at-once",
				},
				BusinessDocument: document, RegistrationDocument: document,
			})
		})
	}
	wg.Wait()
	made := 0
	for i, answer := range answers {
		require.NoError(t, errs[i])
		require.Equal(t, answers[0].GetInstitution().GetId(), answer.GetInstitution().GetId())
		if answer.GetCredentials() != nil {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.Len(t, unittest.AwaitEmitted[*gatewayv1.PrincipalChanged](t, w.Bench, 1), 1)
}

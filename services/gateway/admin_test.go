package gateway

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
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

// The first operator is created once, and the secret exists only in the file.
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

// The address unit stores an institution with its papers. The gateway creates its principal once, with credentials, and states it
// for the other units.
func TestCreateInstitution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.token(t, w.admin)
	operator, err := w.Env.Authn.Verify(t.Context(), admin)
	require.NoError(t, err)
	id, sender := w.institution(t, "1234567815", "Sender-Create")
	require.NotEmpty(t, sender.Secret)
	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 1)
	require.Equal(t, []string{id, "sender-create"}, []string{facts[0].GetId(), facts[0].GetAddress()})

	calls := w.units.registrations()
	require.Len(t, calls, 1)
	require.Equal(t, []any{operator.ID, "보기기관", 100, 200}, []any{
		calls[0].GetOperator(), calls[0].GetInstitution().GetName(), len(calls[0].GetBusinessDocument()), len(calls[0].GetRegistrationDocument())})
	var named int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from principal where name = '보기기관'`).Scan(&named))
	require.Zero(t, named, "what it is called stays with the address unit")

	again := w.call(t, "POST", "/v1/admin/institutions", admin, institutionJSON("보기기관", "1234567815", "sender-create"))
	require.Equal(t, 200, again.status, "%s", again.body)
	require.Equal(t, id, again.json(t)["institution"].(map[string]any)["id"])
	require.NotContains(t, again.json(t), "credentials")
	bad := w.call(t, "POST", "/v1/admin/institutions", admin, strings.Replace(institutionJSON("보기기관", "1234567829", "x-y-z"), "/9j/", "AAAA", 1))
	require.Equal(t, 400, bad.status, "%s", bad.body)
	require.Len(t, w.units.registrations(), 2, "what is no JPEG goes no further")
	made := unittest.Facts[*gatewayv1.ClientCreated](t, w.Bench)
	require.Equal(t, []string{operator.ID, id}, []string{made[0].GetPrincipal(), made[1].GetPrincipal()})
	require.Equal(t, []string{actor, operator.ID}, []string{w.Stated(t, made[0])[0].GetActor(), w.Stated(t, made[0])[1].GetActor()})
}

// An institution that the address unit refuses gets no principal. If creation was interrupted between the two units, a repetition
// finishes it, once.
func TestCreateInstitutionIsFinishedByARepeat(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.token(t, w.admin)
	body := institutionJSON("보기기관", "1234567834", "sender-repeat")
	for _, refusal := range []*fault.Error{
		fault.New(fault.Unavailable, "address", addressv1.Reason_REASON_HUB_UNAVAILABLE, ""),
		fault.New(fault.Exists, "address", addressv1.Reason_REASON_ADDRESS_TAKEN, "the address is taken"),
	} {
		w.units.refuse(refusal)
		got := w.call(t, "POST", "/v1/admin/institutions", admin, body)
		require.Equal(t, fault.ReasonOf(refusal), got.json(t)["reason"])
	}
	var senders int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from principal where kind = 'sender'`).Scan(&senders))
	require.Zero(t, senders)

	w.units.refuse(nil)
	kept, err := w.units.RegisterInstitution(t.Context(), &addressv1.RegisterInstitutionRequest{
		Institution: &addressv1.Institution{BusinessNumber: "1234567834", Address: "sender-repeat"},
	})
	require.NoError(t, err)
	id, sender := w.institution(t, "1234567834", "sender-repeat")
	require.Equal(t, kept.GetInstitution().GetId(), id)
	require.NotEmpty(t, w.token(t, sender))
}

// Credentials can be created and revoked; a revoked client gets no token.
func TestClients(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	sender, _ := w.institution(t, "1234567848", "sender-clients")
	system, err := client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{sender}}})
	require.NoError(t, err)
	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 2)
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

// The hosts to which a viewing system is bound are told in the form in which they are compared; what is no host is named.
func TestHostsOfAViewingSystem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	sender, _ := w.institution(t, "1234567800", "sender-hosts")
	create := func(hosts ...string) (*gatewayv1.ViewingSystem, error) {
		answer, err := client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{
			ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{sender}, Hosts: hosts},
		})
		return answer.GetViewingSystem(), err
	}
	want := []string{"view.example", "xn--4i2b56y.example", "2001:db8::7"}
	made, err := create("View.Example.", "열람.example", "2001:DB8:0::7", "view.example")
	require.NoError(t, err)
	require.Equal(t, want, made.GetHosts())
	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 2)
	require.Equal(t, want, facts[1].GetHosts())
	anywhere, err := create()
	require.NoError(t, err)
	require.Empty(t, anywhere.GetHosts())

	_, err = create("https://view.example/", "view.example", "view.example:443", "*.example", "")
	require.Equal(t, "INVALID_REQUEST", fault.ReasonOf(err))
	require.Equal(t, []string{"viewingSystem.hosts[0]", "viewingSystem.hosts[2]", "viewingSystem.hosts[3]", "viewingSystem.hosts[4]"}, fieldsOf(err))
	_, err = create(slices.Repeat([]string{"view.example"}, 21)...)
	require.Equal(t, []string{"viewingSystem.hosts"}, fieldsOf(err))
}

// A viewing system is replaced as a whole; every change is stated with the next version, and what changes nothing is not stated.
func TestReplaceViewingSystem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	first, _ := w.institution(t, "1234567834", "sender-first")
	second, _ := w.institution(t, "1234567848", "sender-second")
	made, err := client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{
		ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{first}, Hosts: []string{"view.example"}},
	})
	require.NoError(t, err)
	id := made.GetViewingSystem().GetId()
	replace := func(system *gatewayv1.ViewingSystem) (*gatewayv1.ViewingSystem, error) {
		answer, err := client.ReplaceViewingSystem(t.Context(), &gatewayv1.ReplaceViewingSystemRequest{Id: id, ViewingSystem: system})
		return answer.GetViewingSystem(), err
	}
	for range 2 {
		now, err := replace(&gatewayv1.ViewingSystem{Name: "다른 열람", Senders: []string{second, first}})
		require.NoError(t, err)
		require.Equal(t, []string{second, first}, now.GetSenders())
		require.Empty(t, now.GetHosts())
		require.Equal(t, made.GetViewingSystem().GetCreatedAt().AsTime(), now.GetCreatedAt().AsTime())
	}
	now, err := replace(&gatewayv1.ViewingSystem{Name: "다른 열람", Senders: []string{second}, Hosts: []string{"B.example"}})
	require.NoError(t, err)
	got, err := client.GetViewingSystem(t.Context(), &gatewayv1.GetViewingSystemRequest{Id: id})
	require.NoError(t, err)
	require.True(t, proto.Equal(now, got.GetViewingSystem()), "%v", got)
	require.Equal(t, []string{"b.example"}, now.GetHosts())

	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 5)[2:]
	for i, senders := range [][]string{{first}, {second, first}, {second}} {
		require.Equal(t, senders, facts[i].GetSenders())
	}
	require.Equal(t, []string{"b.example"}, facts[2].GetHosts())

	_, err = replace(&gatewayv1.ViewingSystem{Name: "열람", Senders: []string{unittest.NewID()}})
	require.Equal(t, "INSTITUTION_NOT_FOUND", fault.ReasonOf(err))
	_, err = replace(&gatewayv1.ViewingSystem{Name: "열람", Senders: []string{first}, Hosts: []string{"ok.example", "no host", "a:1"}})
	require.Equal(t, []string{"viewingSystem.hosts[1]", "viewingSystem.hosts[2]"}, fieldsOf(err))
	id = first // a principal of another kind
	_, err = replace(&gatewayv1.ViewingSystem{Name: "열람", Senders: []string{first}})
	require.Equal(t, "VIEWING_SYSTEM_NOT_FOUND", fault.ReasonOf(err))
	_, err = client.GetViewingSystem(t.Context(), &gatewayv1.GetViewingSystemRequest{Id: first})
	require.Equal(t, "VIEWING_SYSTEM_NOT_FOUND", fault.ReasonOf(err))
}

// Viewing systems are listed page by page, the newest first.
func TestListViewingSystems(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	sender, _ := w.institution(t, "1234567800", "sender-list")
	var made []string
	for range 3 {
		answer, err := client.CreateViewingSystem(t.Context(), &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "열람", Senders: []string{sender}}})
		require.NoError(t, err)
		made = append([]string{answer.GetViewingSystem().GetId()}, made...)
	}
	var listed []string
	token := ""
	for range 2 {
		page, err := client.ListViewingSystems(t.Context(), &gatewayv1.ListViewingSystemsRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, system := range page.GetViewingSystems() {
			listed = append(listed, system.GetId())
		}
		token = page.GetNextPageToken()
	}
	require.Equal(t, made, listed)
	require.Empty(t, token)
	_, err := client.ListViewingSystems(t.Context(), &gatewayv1.ListViewingSystemsRequest{PageToken: "no token"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
}

func fieldsOf(err error) (fields []string) {
	for _, v := range fault.As(err).Violations {
		fields = append(fields, v.Field)
	}
	return fields
}

// If several callers create the same institution at the same time, one creates it and all get it.
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
				Institution: &addressv1.Institution{
					Name: "보기기관", BusinessNumber: "1234567867", Type: addressv1.OrganisationType_ORGANISATION_TYPE_STATE_AGENCY, Address: "sender-at-once",
					ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: "시험용 전자문서보관소", Member: "보기기관"}},
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
	require.Len(t, unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 1), 1)
}

// The last credentials of operators stay, also when two are revoked at the same time.
func TestTheLastOperatorStays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	revoke := func(id string) error {
		_, err := client.RevokeClient(t.Context(), &gatewayv1.RevokeClientRequest{ClientId: id})
		return err
	}
	require.Equal(t, "LAST_OPERATOR", fault.ReasonOf(revoke(w.admin.ID)))
	operator, err := w.Env.Authn.Verify(t.Context(), w.token(t, w.admin))
	require.NoError(t, err)
	second, err := client.CreateClient(t.Context(), &gatewayv1.CreateClientRequest{Principal: operator.ID})
	require.NoError(t, err)
	answers := make(chan error, 2)
	for _, id := range []string{w.admin.ID, second.GetClient().GetClientId()} {
		go func() { answers <- revoke(id) }()
	}
	refused := 0
	for range 2 {
		if err := <-answers; err != nil {
			require.Equal(t, "LAST_OPERATOR", fault.ReasonOf(err))
			refused++
		}
	}
	require.Equal(t, 1, refused)
}

// A local act brings a new operator and ends the credentials of all others; without it nothing changes.
func TestRecovery(t *testing.T) {
	t.Parallel()
	w := setup(t)
	file := t.TempDir() + "/admin.json"
	require.NoError(t, os.WriteFile(file+recoverSuffix, nil, 0o600))
	made, err := bootstrap(t.Context(), file, w.Env.Journal, w.Clock)
	require.NoError(t, err)
	require.True(t, made)
	require.NoFileExists(t, file+recoverSuffix)
	require.Equal(t, 401, w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {w.admin.ID}, "client_secret": {w.admin.Secret}}).status)
	recovered := readCredentials(t, file)
	require.NotEmpty(t, w.token(t, recovered))
	facts := unittest.Facts[*gatewayv1.OperatorRecovered](t, w.Bench)
	require.Len(t, facts, 1)
	require.EqualValues(t, 1, facts[0].GetRevoked())
	require.Len(t, unittest.Facts[*gatewayv1.ClientRevoked](t, w.Bench), 1)

	made, err = bootstrap(t.Context(), file, w.Env.Journal, w.Clock)
	require.NoError(t, err)
	require.False(t, made)

	// All credentials gone, by whatever way: the next start makes an operator.
	_, err = w.App.Exec(t.Context(), `update client set revoked_at = created_at where id = $1`, recovered.ID)
	require.NoError(t, err)
	made, err = bootstrap(t.Context(), file, w.Env.Journal, w.Clock)
	require.NoError(t, err)
	require.True(t, made)
	require.NotEmpty(t, w.token(t, readCredentials(t, file)))
}

package hub

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
	sandbox "github.com/naru-relay/naru/services/sandbox/hub" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/scenario"    //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

const adminToken = "admin-token-of-the-test"

// drawn renders a certificate as text, because its appearance does not matter to this unit.
type drawn struct{}

func (drawn) RenderCertificate(_ context.Context, d sandbox.CertificateDraft) ([]byte, error) {
	return fmt.Appendf(nil, "%%PDF-1.7\n%%\xe2\xe3\n%s|%s|%s", d.Number, d.Circulation.EdocNum, d.Applicant), nil
}

func (drawn) RenderFigures(_ context.Context, d sandbox.FiguresDraft) ([]byte, error) {
	return fmt.Appendf(nil, "%%PDF-1.7\n%%\xe2\xe3\n%s|%s", d.Eaddr, d.Period), nil
}

// outside is the sandbox hub, which implements the interface independently of our client.
type outside struct {
	scenarios *scenario.Set
	url       string
}

func newOutside(t testing.TB, dialect string) *outside {
	t.Helper()
	c := sandbox.Default()
	c.AdminTokenFile, c.Dialect = config.InlineSecret(adminToken), dialect
	o := &outside{scenarios: scenario.NewSet()}
	system, err := sandbox.New(t.Context(), sandbox.Deps{
		Base: scenario.Base{
			DB: pgtest.New(t, "sandbox_hub", pg.Source{Name: "hub", FS: sandbox.Migrations}).App, Clock: clock.System(),
			Log: slog.New(slog.DiscardHandler), Scenarios: o.scenarios,
		}, Config: c, Renderer: drawn{},
	})
	require.NoError(t, err)
	server := httptest.NewServer(system.Handler())
	t.Cleanup(server.Close)
	o.url = server.URL
	for _, platform := range []string{unittest.Platform, "peer-01-relay"} {
		body := fmt.Sprintf(`{"platformId":%q,"clientId":%q,"clientSecret":%q,"name":"시험용"}`, platform, testClient+platform[:1], testSecret)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/sandbox/platforms", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+adminToken)
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Less(t, resp.StatusCode, 300)
	}
	return o
}

func (o *outside) bench(t testing.TB, change func(*Config)) *unittest.Bench {
	t.Helper()
	return benchAt(t, o.url, func(c *Config) {
		c.ClientID = testClient + unittest.Platform[:1]
		c.Interface.AnswerTimeout = config.Duration(2 * time.Second)
		if change != nil {
			change(c)
		}
	})
}

// joined registers office and person, with a time one hour ago.
func joined(t testing.TB, b *unittest.Bench) (c hubv1.HubServiceClient, since time.Time) {
	t.Helper()
	c, since = as(t, b, "address"), b.Clock.Now().Add(-time.Hour).Truncate(time.Second)
	jpeg := append([]byte{0xFF, 0xD8, 0xFF}, bytes.Repeat([]byte("x"), 100)...)
	office := &hubv1.RegisterOrganisationAddressRequest{
		BusinessNumber: "1234567891", Address: "office", Name: "나루상사", Type: addressv1.OrganisationType_ORGANISATION_TYPE_SOLE_TRADER,
		RegisteredAt: timestamppb.New(since), BusinessDocument: jpeg, RegistrationDocument: jpeg,
	}
	o, err := c.RegisterOrganisationAddress(t.Context(), office)
	require.NoError(t, err)
	require.False(t, o.GetAlreadyRegistered())
	member := person()
	member.RegisteredAt = timestamppb.New(since)
	m, err := c.RegisterPersonAddress(t.Context(), member)
	require.NoError(t, err)
	require.False(t, m.GetAlreadyRegistered())
	return c, since
}

// delivered returns a batch of n documents sent and received just now.
func delivered(b *unittest.Bench, n int) *hubv1.RegisterCirculationsRequest {
	r := circulations(n)
	for _, item := range r.GetItems() {
		item.SentAt, item.ReceivedAt = timestamppb.New(b.Clock.Now()), timestamppb.New(b.Clock.Now())
	}
	return r
}

func TestSandboxHubTakesWhatThisUnitSends(t *testing.T) {
	t.Parallel()
	for _, dialect := range []struct{ hub, ours string }{
		{sandbox.Dialect2023, hubclient.DialectCurrent},
		{sandbox.Dialect2021, hubclient.Dialect2021},
	} {
		t.Run(dialect.ours, func(t *testing.T) {
			t.Parallel()
			b := newOutside(t, dialect.hub).bench(t, func(c *Config) { c.Interface.Dialect = dialect.ours })
			c, since := joined(t, b)
			ctx := t.Context()

			again, err := c.RegisterPersonAddress(ctx, person())
			require.NoError(t, err)
			require.True(t, again.GetAlreadyRegistered())
			other := person()
			other.Ci = strings.Repeat("Zz09", 21) + "Zg=="
			_, err = c.RegisterPersonAddress(ctx, other)
			require.Equal(t, "ADDRESS_TAKEN", fault.ReasonOf(err))

			owner, err := c.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: "gang.naru"})
			require.NoError(t, err)
			require.True(t, owner.GetExists())
			require.Equal(t, since, owner.GetRegisteredAt().AsTime())
			nobody, err := c.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: "홍 길+동#epost"})
			require.NoError(t, err)
			require.False(t, nobody.GetExists())

			for name, who := range map[string]*platformv1.RecipientIdentifier{
				"ci":     {Ci: &testCI},
				"person": {Person: &platformv1.PersonDescription{Name: "강나루", BirthDate: "19900102", Phone: "01000000001"}},
			} {
				found, err := c.SearchRecipient(ctx, &hubv1.SearchRecipientRequest{Recipient: who})
				require.NoError(t, err, name)
				require.Len(t, found.GetAddresses(), 1, name)
				require.Equal(t, "gang.naru", found.GetAddresses()[0].GetAddress())
				require.Equal(t, unittest.Platform, found.GetAddresses()[0].GetPlatformId())
			}

			circulation := as(t, b, "circulation")
			registered, err := circulation.RegisterCirculations(ctx, delivered(b, 500))
			require.NoError(t, err)
			require.Len(t, registered.GetResults(), 500)
			for _, item := range registered.GetResults() {
				require.EqualValues(t, 1, item.GetResult(), item.GetEdocNum())
			}
			repeated, err := circulation.RegisterCirculations(ctx, delivered(b, 1))
			require.NoError(t, err)
			require.Equal(t, []int32{2}, results(repeated))

			read, err := circulation.RegisterReadTimes(ctx, &hubv1.RegisterReadTimesRequest{Items: []*hubv1.ReadTimeItem{
				{EdocNum: edoc(1), ReadAt: timestamppb.New(b.Clock.Now())}, {EdocNum: edoc(999), ReadAt: timestamppb.New(b.Clock.Now())},
			}})
			require.NoError(t, err)
			require.EqualValues(t, 1, read.GetResults()[0].GetResult())
			require.EqualValues(t, 4, read.GetResults()[1].GetResult())

			_, err = c.WithdrawAddress(ctx, &hubv1.WithdrawAddressRequest{Address: "gang.naru", WithdrawnAt: timestamppb.New(b.Clock.Now())})
			require.NoError(t, err)
			_, err = c.WithdrawAddress(ctx, &hubv1.WithdrawAddressRequest{Address: "gang.naru", WithdrawnAt: timestamppb.New(b.Clock.Now())})
			require.NoError(t, err)
			require.NoError(t, Audit(ctx, b.App, b.Env.Sealed))
		})
	}
}

// The hub takes another name of a person, another name of an organisation with its documents, and another type without them, and
// says them from then on; what it does not know it does not change. What was withdrawn is in its history.
func TestSandboxHubTakesChanges(t *testing.T) {
	t.Parallel()
	b := newOutside(t, sandbox.Dialect2023).bench(t, nil)
	c, since := joined(t, b)
	ctx, at := t.Context(), timestamppb.New(since.Add(time.Minute))
	owner := func(address string) []any {
		says, err := c.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: address})
		require.NoError(t, err)
		return []any{says.GetExists(), says.GetName(), says.GetType(), says.GetRegisteredAt().AsTime().Equal(since)}
	}
	require.Equal(t, []any{true, "나루상사", int32(5), true}, owner("office"))
	require.Equal(t, []any{true, "강나루", int32(0), true}, owner("gang.naru"))

	_, err := c.ChangePersonName(ctx, &hubv1.ChangePersonNameRequest{Address: "gang.naru", Name: "강새벽", ChangedAt: at})
	require.NoError(t, err)
	require.Equal(t, []any{true, "강새벽", int32(0), true}, owner("gang.naru"))
	_, err = c.ChangePersonName(ctx, &hubv1.ChangePersonNameRequest{Address: "nobody", Name: "강새벽", ChangedAt: at})
	require.Equal(t, "ADDRESS_UNKNOWN", fault.ReasonOf(err))

	jpeg := []byte{0xFF, 0xD8, 0xFF, 0xE0}
	change := &hubv1.ChangeOrganisationRequest{Address: "office", Name: "새나루상사", ChangedAt: at}
	_, err = c.ChangeOrganisation(ctx, change)
	require.Equal(t, "INVALID_REQUEST", fault.ReasonOf(err), "another name needs both documents")
	change.BusinessDocument = jpeg
	_, err = c.ChangeOrganisation(ctx, change)
	require.Equal(t, "INVALID_REQUEST", fault.ReasonOf(err), "another name needs both documents")
	change.RegistrationDocument = jpeg
	for range 2 {
		_, err = c.ChangeOrganisation(ctx, change)
		require.NoError(t, err, "the same again after an answer that was lost")
	}
	require.Equal(t, []any{true, "새나루상사", int32(5), true}, owner("office"))
	_, err = c.ChangeOrganisation(ctx, &hubv1.ChangeOrganisationRequest{
		Address: "office", Name: "새나루상사", Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, ChangedAt: at,
	})
	require.NoError(t, err)
	require.Equal(t, []any{true, "새나루상사", int32(1), true}, owner("office"))

	history := func(identifier string) []string {
		answer, err := c.GetWithdrawnAddresses(ctx, &hubv1.GetWithdrawnAddressesRequest{Identifier: identifier})
		require.NoError(t, err)
		return answer.GetAddresses()
	}
	require.Empty(t, history(testCI))
	_, err = c.WithdrawAddress(ctx, &hubv1.WithdrawAddressRequest{Address: "gang.naru", WithdrawnAt: timestamppb.New(b.Clock.Now())})
	require.NoError(t, err)
	require.Equal(t, []string{"gang.naru"}, history(testCI))
	require.NoError(t, Audit(ctx, b.App, b.Env.Sealed))
}

// A hub of the dialect of 2021 has no field for a type, so a type is not told it at all rather than lost.
func TestDialectOf2021ChangesNoType(t *testing.T) {
	t.Parallel()
	b := newOutside(t, sandbox.Dialect2021).bench(t, func(c *Config) { c.Interface.Dialect = hubclient.Dialect2021 })
	_, err := as(t, b, "address").ChangeOrganisation(t.Context(), &hubv1.ChangeOrganisationRequest{
		Address: "office", Name: "나루상사", Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, ChangedAt: timestamppb.New(b.Clock.Now()),
	})
	require.Equal(t, "INVALID_REQUEST", fault.ReasonOf(err))
	require.Empty(t, storedOutcomes(t, b, "change_organisation"))
}

func TestSandboxHubGivesCertificates(t *testing.T) {
	t.Parallel()
	b := newOutside(t, sandbox.Dialect2023).bench(t, nil)
	joined(t, b)
	_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), delivered(b, 1))
	require.NoError(t, err)
	c := as(t, b, "certificate")
	got, err := c.IssueDistributionCertificate(t.Context(), &hubv1.IssueDistributionCertificateRequest{EdocNum: edoc(1), Address: "office", Reason: "제출용"})
	require.NoError(t, err)
	require.Regexp(t, `^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}$`, got.GetCertNum())
	require.Equal(t, "%PDF-1.7\n%\xe2\xe3\n"+got.GetCertNum()+"|"+edoc(1)+"|office", string(got.GetPdf()))
	_, err = c.IssueDistributionCertificate(t.Context(), &hubv1.IssueDistributionCertificateRequest{EdocNum: edoc(2), Address: "office"})
	require.Equal(t, "NO_CIRCULATION", fault.ReasonOf(err))
}

// The certificate of a month's figures comes with its JSON part; a month without circulation, and a hub whose path is not known,
// are told apart.
func TestSandboxHubGivesFigures(t *testing.T) {
	t.Parallel()
	o := newOutside(t, sandbox.Dialect2023)
	b := o.bench(t, func(c *Config) { c.Interface.Paths.Figures = "/api/cert/figures" })
	joined(t, b)
	_, err := as(t, b, "circulation").RegisterCirculations(t.Context(), delivered(b, 3))
	require.NoError(t, err)
	read := &hubv1.RegisterReadTimesRequest{Items: []*hubv1.ReadTimeItem{{EdocNum: edoc(1), ReadAt: timestamppb.New(b.Clock.Now())}}}
	_, err = as(t, b, "circulation").RegisterReadTimes(t.Context(), read)
	require.NoError(t, err)
	c, period := as(t, b, "certificate"), b.Clock.Now().In(id.KST).Format("2006-01")
	got, err := c.IssueFiguresCertificate(t.Context(), &hubv1.IssueFiguresCertificateRequest{Address: "Office", Period: period})
	require.NoError(t, err)
	require.Equal(t, []int64{3, 1, 3, 1}, []int64{got.GetReceivedOfSent(), got.GetReadOfSent(), got.GetReceived(), got.GetRead()})
	require.JSONEq(t, `{"resultCode":1,"eaddr":"Office","name":"나루상사","period":"`+period+`",`+
		`"recvCountFromSent":3,"readCountFromSent":1,"recvCount":3,"readCount":1}`, string(got.GetStatement()))
	require.Equal(t, "%PDF-1.7\n%\xe2\xe3\nOffice|"+period, string(got.GetPdf()))
	_, err = c.IssueFiguresCertificate(t.Context(), &hubv1.IssueFiguresCertificateRequest{Address: "office", Period: "2020-01"})
	require.Equal(t, "NO_CIRCULATION", fault.ReasonOf(err))
	require.Equal(t, "ERR-01-501", fault.As(err).Metadata["errCode"])
	require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))

	_, err = as(t, o.bench(t, nil), "certificate").IssueFiguresCertificate(t.Context(), &hubv1.IssueFiguresCertificateRequest{Address: "office", Period: period})
	require.Equal(t, "HUB_REFUSED", fault.ReasonOf(err))
}

func TestSandboxHubMisbehaves(t *testing.T) {
	t.Parallel()
	const path = "/api/circulation"
	for _, tt := range []struct {
		name     string
		scenario scenario.Scenario
		// reason is that of the first call's failure; results are the first call's results if it succeeds.
		reason  string
		results []int32
		// after holds the results of a repetition of the same call.
		after []int32
	}{
		{"down", scenario.Scenario{Kind: scenario.Down}, "HUB_UNAVAILABLE", nil, []int32{1, 1, 1}},
		{"503", scenario.Scenario{Kind: scenario.Down, HTTPStatus: 503}, "HUB_UNAVAILABLE", nil, []int32{1, 1, 1}},
		{"slow", scenario.Scenario{Kind: scenario.Slow, Delay: scenario.Delay(4 * time.Second)}, "HUB_UNAVAILABLE", nil, nil},
		{"failure", scenario.Scenario{Kind: scenario.FailureOK, ErrCode: "ERR-01-999"}, "HUB_REFUSED", nil, []int32{1, 1, 1}},
		{"failure as text", scenario.Scenario{Kind: scenario.TextPlain, ErrCode: "ERR-01-999"}, "HUB_REFUSED", nil, []int32{1, 1, 1}},
		{"garbage", scenario.Scenario{Kind: scenario.GarbageBody}, "HUB_UNAVAILABLE", nil, []int32{1, 1, 1}},
		{"answer lost", scenario.Scenario{Kind: scenario.AnswerLost}, "HUB_UNAVAILABLE", nil, []int32{2, 2, 2}},
		{"token lost", scenario.Scenario{Kind: scenario.TokenLoss, ErrCode: "ERR-01-104"}, "", []int32{1, 1, 1}, []int32{2, 2, 2}},
		{"an item refused", scenario.Scenario{Kind: scenario.ItemResult, Result: 5, Match: scenario.Match{EdocNum: edoc(2)}}, "", []int32{1, 5, 1}, []int32{2, 1, 2}},
		{"wrong order", scenario.Scenario{Kind: scenario.WrongOrder}, "", []int32{1, 1, 1}, []int32{2, 2, 2}},
		{"items missing", scenario.Scenario{Kind: scenario.MissingItems, Count: 2}, "", []int32{1, 0, 0}, []int32{2, 2, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOutside(t, sandbox.Dialect2023)
			b := o.bench(t, nil)
			joined(t, b)
			sc := tt.scenario
			sc.ID = "misbehaviour"
			if !slices.Contains([]scenario.Kind{scenario.ItemResult, scenario.WrongOrder, scenario.MissingItems}, sc.Kind) {
				sc.Match.Path = path
			}
			require.NoError(t, o.scenarios.Put(sc))
			c := as(t, b, "circulation")
			batch := delivered(b, 3)
			got, err := c.RegisterCirculations(t.Context(), batch)
			require.Equal(t, tt.reason, fault.ReasonOf(err))
			require.Equal(t, 1, o.scenarios.List()[0].Taken)
			if tt.results != nil {
				require.NoError(t, err)
				require.Equal(t, tt.results, results(got))
			}
			if tt.after == nil {
				return
			}
			got, err = c.RegisterCirculations(t.Context(), batch)
			require.NoError(t, err)
			require.Equal(t, tt.after, results(got))
		})
	}
}

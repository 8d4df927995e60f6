package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/sandbox/pki" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

const (
	passedCheck    = certificatev1.CheckOutcome_CHECK_OUTCOME_PASSED
	failedCheck    = certificatev1.CheckOutcome_CHECK_OUTCOME_FAILED
	uncheckable    = certificatev1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKABLE
	stateIssued    = certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED
	stateNotIssued = certificatev1.CertificateState_CERTIFICATE_STATE_FAILED
)

// outcomes returns checks with one outcome but for those named, which have another.
func outcomes(all, others certificatev1.CheckOutcome, named ...protoreflect.Name) *certificatev1.Checks {
	c := (&certificatev1.Checks{}).ProtoReflect()
	fields := c.Descriptor().Fields()
	for i := range fields.Len() {
		one := all
		if slices.Contains(named, fields.Get(i).Name()) {
			one = others
		}
		c.Set(fields.Get(i), protoreflect.ValueOfEnum(one.Number()))
	}
	return c.Interface().(*certificatev1.Checks)
}

var allPassed = outcomes(passedCheck, passedCheck)

// but returns checks that all passed except these.
func but(failed ...protoreflect.Name) *certificatev1.Checks {
	return outcomes(passedCheck, failedCheck, failed...)
}

func same(t testing.TB, want, got *certificatev1.Checks) {
	t.Helper()
	require.True(t, proto.Equal(want, got), "%s", got)
}

func download(t testing.TB, c certificatev1.CertificateServiceClient, certificateID string) (*httpbody.HttpBody, error) {
	t.Helper()
	return c.DownloadCertificate(t.Context(), &certificatev1.DownloadCertificateRequest{Id: certificateID})
}

func TestBothPartiesObtainTheirCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.circulated(t, 1)
	for i, who := range []struct {
		client  certificatev1.CertificateServiceClient
		address string
	}{
		{b.asSender(t), senderAddr},
		{b.asRecipient(t), receiverAddr},
	} {
		got := ended(t, who.client, number, "req-1")
		require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, got.GetState())
		require.Equal(t, certNum, got.GetCertNum())
		require.Empty(t, got.GetReason())
		require.Equal(t, b.Clock.Now().Truncate(time.Second), got.GetIssuedAt().AsTime())
		require.Equal(t, b.Clock.Now().AddDate(0, 3, 0).Truncate(time.Second), got.GetValidUntil().AsTime())
		same(t, allPassed, got.GetChecks())

		asked := b.hub.calls()
		require.Len(t, asked, i+1)
		require.Equal(t, number, asked[i].GetEdocNum())
		require.Equal(t, who.address, asked[i].GetAddress())
		require.Equal(t, reasonText, asked[i].GetReason())

		file, err := download(t, who.client, got.GetId())
		require.NoError(t, err)
		require.Equal(t, "application/pdf", file.GetContentType())
		require.True(t, bytes.HasPrefix(file.GetData(), []byte("%PDF-")))
		digest := sha256.Sum256(file.GetData())
		require.Equal(t, hex.EncodeToString(digest[:]), got.GetPdfDigest())

		events := unittest.AwaitFacts[*certificatev1.CertificateIssued](t, b.Bench, i+1)
		require.Equal(t, got.GetId(), events[i].GetCertificate())
		require.Equal(t, b.sender, events[i].GetSender())
		require.Equal(t, got.GetPdfDigest(), events[i].GetPdfDigest())
		require.Equal(t, []certificatev1.Entitlement{
			certificatev1.Entitlement_ENTITLEMENT_SENDER, certificatev1.Entitlement_ENTITLEMENT_RECIPIENT,
		}[i], events[i].GetEntitlement())
	}
	stated := b.Stated(t, &certificatev1.CertificateIssued{})
	require.EqualValues(t, 1, stated[0].GetOrdinal())
	require.EqualValues(t, 2, stated[1].GetOrdinal())

	kinds, events := b.private(t, number)
	for _, e := range events {
		require.NotContains(t, string(e.GetPayload()), "제출용")
	}
	require.Equal(t, []string{
		"CertificateRequested", "CertificateAccepted", "CertificateAttempted", "CertificateRequested", "CertificateAccepted", "CertificateAttempted",
	}, kinds)
	var commit uuid.UUID
	require.NoError(t, b.App.QueryRow(t.Context(), `select commit_id from certificate where entitlement = 'sender'`).Scan(&commit))
	require.NoError(t, journal.Find(t.Context(), b.App, domain, commit, number, &certificatev1.CertificateIssued{}), "the row names the commit that ended it")
	require.NotContains(t, b.Logs.String(), "제출용")
	require.Equal(t, 0, b.count(t, `select count(*) from certificate_file, unnest(pieces) p where position('%PDF-1' in encode(p, 'escape')) > 0`))
}

// The ordinals of events reveal to a party nothing about the other party's requests.
func TestNumbersTellNothingOfTheOtherParty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.circulated(t, 1)
	for i, c := range []certificatev1.CertificateServiceClient{b.asRecipient(t), b.asRecipient(t), b.asSender(t), b.asRecipient(t), b.asSender(t)} {
		ended(t, c, number, fmt.Sprintf("req-%d", i))
	}
	unittest.AwaitFacts[*certificatev1.CertificateIssued](t, b.Bench, 5)
	ordinals := map[string][]uint32{}
	for _, e := range b.Stated(t, &certificatev1.CertificateIssued{}) {
		ordinals[e.GetActor()] = append(ordinals[e.GetActor()], e.GetOrdinal())
	}
	require.Equal(t, map[string][]uint32{b.sender: {1, 3}, b.recipient: {2, 4, 6}}, ordinals)
}

func TestCertificatesThatAreNotHandedOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type answer = *hubv1.IssueDistributionCertificateResponse
	genuine := func() pki.Signer { return b.pki.Signer(pki.Hub) }
	for i, tt := range []struct {
		name  string
		issue func(r *hubv1.IssueDistributionCertificateRequest) (answer, error)
		want  *certificatev1.Checks
	}{
		{"forged: a byte changed", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			a, err := b.render(b.content(r), genuine())
			a.GetPdf()[12] ^= 0x01
			return a, err
		}, outcomes(failedCheck, passedCheck, "chain", "identity", "validity")},
		{"about another document", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.Hash = documentHash[:62] + "00"
			return b.render(c, genuine())
		}, but("hash")},
		{"about another number", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.EdocNum = b.edoc(t, 999)
			return b.render(c, genuine())
		}, but("edoc_num")},
		{"under another certificate number", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			a, err := b.render(b.content(r), genuine())
			a.CertNum = "2026-1121-0000-0043"
			return a, err
		}, but("cert_num")},
		{"of another sender", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.Sender.Address = "somebody-else"
			return b.render(c, genuine())
		}, but("parties")},
		{"to another recipient", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.Recipient.Address = "somebody-else"
			return b.render(c, genuine())
		}, but("parties")},
		{"for another applicant", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.Applicant = "somebody-else"
			return b.render(c, genuine())
		}, but("parties")},
		{"with another attachment", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.AttachmentHashes[1] = documentHash
			return b.render(c, genuine())
		}, but("attachments")},
		{"with one attachment left out", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.AttachmentHashes = c.AttachmentHashes[:1]
			return b.render(c, genuine())
		}, but("attachments")},
		{"with one attachment more", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.AttachmentHashes = append(c.AttachmentHashes, documentHash)
			return b.render(c, genuine())
		}, but("attachments")},
		{"sent at another time", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.SentAt = c.SentAt.Add(-time.Second)
			return b.render(c, genuine())
		}, but("sent_at")},
		{"received at another time", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.ReceivedAt = c.ReceivedAt.Add(time.Second)
			return b.render(c, genuine())
		}, but("received_at")},
		{"expired signer", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			signer, err := b.pki.Expired(pki.Hub)
			if err != nil {
				return nil, err
			}
			return b.render(b.content(r), signer)
		}, but("validity")},
		{"expired certificate", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.IssuedAt, c.ValidUntil = c.IssuedAt.AddDate(0, 0, -10), c.IssuedAt.AddDate(0, 0, -1)
			return b.render(c, genuine())
		}, but("validity")},
		{"issued too far in the future", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			c := b.content(r)
			c.IssuedAt = c.IssuedAt.Add(10 * time.Second)
			return b.render(c, genuine())
		}, but("validity")},
		{"foreign signer of the same name", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			signer, err := b.pki.Foreign(pki.Hub)
			if err != nil {
				return nil, err
			}
			return b.render(b.content(r), signer)
		}, nil},
		{"a trusted signer of another office", func(r *hubv1.IssueDistributionCertificateRequest) (answer, error) {
			return b.render(b.content(r), b.pki.Signer(pki.Archive))
		}, nil},
		{"no PDF", func(*hubv1.IssueDistributionCertificateRequest) (answer, error) {
			return &hubv1.IssueDistributionCertificateResponse{CertNum: certNum, Pdf: []byte("%PDF-1.7 nothing")}, nil
		}, outcomes(failedCheck, failedCheck)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
				return tt.issue(r)
			}
			number := b.circulated(t, int64(200+i))
			c := b.asSender(t)
			got := ended(t, c, number, fmt.Sprintf("req-%d", i))
			require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_FAILED, got.GetState())
			require.Equal(t, "CHECK_FAILED", got.GetReason())
			require.Empty(t, got.GetCertNum())
			if tt.want != nil {
				same(t, tt.want, got.GetChecks())
			} else {
				require.Equal(t, failedCheck, got.GetChecks().GetChain())
				require.Equal(t, failedCheck, got.GetChecks().GetHash())
			}
			_, err := download(t, c, got.GetId())
			require.Equal(t, "NOT_ISSUED", fault.ReasonOf(err))
			require.Equal(t, 1, b.count(t, `select count(*) from certificate_file where id = $1`, got.GetId()))
			failures := unittest.AwaitFacts[*certificatev1.CertificateFailed](t, b.Bench, i+1)
			require.Equal(t, got.GetId(), failures[i].GetCertificate())
			require.Equal(t, "CHECK_FAILED", failures[i].GetReason())
		})
	}
	require.Empty(t, unittest.Facts[*certificatev1.CertificateIssued](t, b.Bench))
}

// A certificate must state the read time that we know once the hub is known to have it. Before that it may lack it.
func TestReadTimeOfACertificate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := b.Clock.Now()
	type facts = []func(string)
	for i, tt := range []struct {
		name   string
		facts  facts
		stated time.Time
		want   *certificatev1.Checks
	}{
		{"not read", nil, time.Time{}, allPassed},
		{"read, the hub not known to have it, not stated", facts{b.read}, time.Time{}, allPassed},
		{"read, the hub not known to have it, stated", facts{b.read}, now, allPassed},
		{"read and at the hub, stated", facts{b.read, b.readTimeRegistered}, now, allPassed},
		{"read and at the hub, not stated", facts{b.read, b.readTimeRegistered}, time.Time{}, but("read_at")},
		{"read at another time", facts{b.read, b.readTimeRegistered}, now.Add(-time.Second), but("read_at")},
		{"read at another time, the hub not known to have it", facts{b.read}, now.Add(time.Second), but("read_at")},
		{"never read here", nil, now, but("read_at")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.hub.issue = b.readAt(tt.stated)
			number := b.circulated(t, int64(i+1))
			for _, fact := range tt.facts {
				fact(number)
			}
			got := ended(t, b.asSender(t), number, fmt.Sprintf("req-%d", i))
			same(t, tt.want, got.GetChecks())
			state, passed := certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, 1
			if tt.want != allPassed {
				state, passed = certificatev1.CertificateState_CERTIFICATE_STATE_FAILED, 0
			}
			require.Equal(t, state, got.GetState())
			require.Equal(t, passed, b.count(t, `select count(*) from certificate_attempt where id = $1 and 'read_at' = any(passed)`, got.GetId()))
		})
	}
}

// If a document is read while the hub issues its certificate, the certificate is compared with that read time, and the attempt
// records it.
func TestAReadTimeThatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := b.Clock.Now()
	for i, tt := range []struct {
		stated time.Time
		want   *certificatev1.Checks
	}{
		{read, allPassed},
		{read.Add(time.Second), but("read_at")},
		{time.Time{}, allPassed},
	} {
		number := b.circulated(t, int64(i+1))
		b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
			b.read(number)
			b.readTimeRegistered(number)
			return b.readAt(tt.stated)(r, attempt)
		}
		got := ended(t, b.asSender(t), number, fmt.Sprintf("req-%d", i))
		same(t, tt.want, got.GetChecks())
		require.Equal(t, 1, b.count(t, `
			select count(*) from certificate_attempt where id = $1 and read_at = $2 and not read_registered`, got.GetId(), read))
	}
}

func TestAHubClockALittleAheadIsTolerated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
		c := b.content(r)
		c.IssuedAt = c.IssuedAt.Add(4 * time.Second)
		return b.render(c, b.pki.Signer(pki.Hub))
	}
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, ended(t, b.asSender(t), b.circulated(t, 1), "req").GetState())
}

func TestAnAnswerThatComesTooLateChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
		if attempt == 1 {
			<-release
			c := b.content(r)
			c.CertNum = "2026-1121-0000-0041"
			a, err := b.render(c, b.pki.Signer(pki.Hub))
			a.CertNum = c.CertNum
			return a, err
		}
		return b.genuine(r, attempt)
	}
	c := b.asSender(t)
	r, err := c.RequestCertificate(t.Context(), ask(b.circulated(t, 1), "req"))
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return len(b.hub.calls()) == 1 })
	// The first worker's lease ends before its answer.
	_, err = b.Owner.Exec(t.Context(), `update certificate set lease_until = now()`)
	require.NoError(t, err)
	got := awaitEnd(t, c, r.GetCertificate().GetId())
	require.Equal(t, certNum, got.GetCertNum())
	close(release)
	await.Require(t, unittest.Patience, func() bool {
		return b.count(t, `select count(*) from certificate_attempt where late and outcome = 'passed' and cert_num = '2026-1121-0000-0041'`) == 1
	})
	require.Equal(t, 2, b.count(t, `select count(*) from certificate_file`), "both certificates are recorded")
	require.NoError(t, Audit(t.Context(), b.App, b.Env.Sealed))
	got = awaitEnd(t, c, got.GetId())
	require.Equal(t, certNum, got.GetCertNum())
	file, err := download(t, c, got.GetId())
	require.NoError(t, err)
	digest := sha256.Sum256(file.GetData())
	require.Equal(t, hex.EncodeToString(digest[:]), got.GetPdfDigest())
	require.Len(t, unittest.AwaitFacts[*certificatev1.CertificateIssued](t, b.Bench, 1), 1)
}

func TestWhoIsNotEntitledLearnsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number, unknown := b.circulated(t, 1), b.edoc(t, 2)
	mine := ended(t, b.asSender(t), number, "req")
	for _, stranger := range []struct {
		name   string
		client certificatev1.CertificateServiceClient
	}{
		{"another sender", certificatev1.NewCertificateServiceClient(b.Sender(t, unittest.NewID()))},
		{"another recipient", certificatev1.NewCertificateServiceClient(b.Recipient(t, unittest.NewID()))},
		{"the recipient's id as a sender", certificatev1.NewCertificateServiceClient(b.Sender(t, b.recipient))},
	} {
		t.Run(stranger.name, func(t *testing.T) {
			var told [2]string
			for i, n := range []string{number, unknown} {
				_, err := stranger.client.RequestCertificate(t.Context(), ask(n, "theirs-"+n))
				require.ErrorIs(t, err, fault.NotFound)
				require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
				told[i] = err.Error()
				_, err = stranger.client.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: n})
				require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
			}
			require.Equal(t, told[0], told[1])
		})
	}
	other := b.asRecipient(t)
	_, err := other.GetCertificate(t.Context(), &certificatev1.GetCertificateRequest{Id: mine.GetId()})
	require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err), "the other party is a stranger to this request")
	_, err = download(t, other, mine.GetId())
	require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err))
	list, err := other.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number})
	require.NoError(t, err)
	require.Empty(t, list.GetCertificates())
	_, err = certificatev1.NewCertificateServiceClient(b.ViewingSystem(t, unittest.NewID())).RequestCertificate(t.Context(), ask(number, "x"))
	require.ErrorIs(t, err, fault.Denied)

	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_entitled'`))
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_refusal where outcome = 'unknown_document'`))
	require.Len(t, b.Stated(t, &certificatev1.CertificateRefused{}), 6)
	require.Len(t, b.Stated(t, &certificatev1.CertificateRequested{}), 7)
	require.Len(t, b.hub.calls(), 1)
}

func TestARequestBeforeTheRegistrationIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.edoc(t, 1)
	b.received(number)
	c := b.asSender(t)
	_, err := c.RequestCertificate(t.Context(), ask(number, "req"))
	require.ErrorIs(t, err, fault.Conflict)
	require.Equal(t, "NOT_REGISTERED_YET", fault.ReasonOf(err))
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_registered'`))
	b.registered(number)
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, ended(t, c, number, "req").GetState())
}

func TestRequestsAreIdempotent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.circulated(t, 1), b.circulated(t, 2)
	c := b.asSender(t)
	_, err := c.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: first})
	require.NoError(t, err)
	var group sync.WaitGroup
	ids, errs := make([]string, 8), make([]error, 8)
	for i := range ids {
		group.Go(func() {
			r, err := c.RequestCertificate(t.Context(), ask(first, "same"))
			ids[i], errs[i] = r.GetCertificate().GetId(), err
		})
	}
	group.Wait()
	for i, one := range ids {
		require.NoError(t, errs[i])
		require.Equal(t, ids[0], one)
	}
	awaitEnd(t, c, ids[0])
	require.Len(t, b.hub.calls(), 1)

	_, err = c.RequestCertificate(t.Context(), ask(second, "same"))
	require.ErrorIs(t, err, fault.Reused)
	require.Equal(t, "REQUEST_ID_REUSED", fault.ReasonOf(err))
	other := ask(first, "same")
	other.Reason = "다른 사유"
	_, err = c.RequestCertificate(t.Context(), other)
	require.Equal(t, "REQUEST_ID_REUSED", fault.ReasonOf(err))

	theirs, err := b.asRecipient(t).RequestCertificate(t.Context(), ask(first, "same"))
	require.NoError(t, err, "request ids are each principal's own")
	require.NotEqual(t, ids[0], theirs.GetCertificate().GetId())
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.circulated(t, 1)
	c := b.asSender(t)
	var newestFirst []string
	for i := range 5 {
		r, err := c.RequestCertificate(t.Context(), ask(number, fmt.Sprintf("req-%d", i)))
		require.NoError(t, err)
		newestFirst = append([]string{r.GetCertificate().GetId()}, newestFirst...)
	}
	var got []string
	token, pages := "", 0
	for {
		page, err := c.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number, PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, one := range page.GetCertificates() {
			got = append(got, one.GetId())
		}
		pages++
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Equal(t, newestFirst, got)
	require.Equal(t, 3, pages)
	_, err := c.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number, PageToken: "!"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
	for _, id := range got {
		awaitEnd(t, c, id)
	}
}

func TestRecordsCannotBeChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.asSender(t)
	got := ended(t, c, b.circulated(t, 1), "req")
	for _, table := range []string{"certificate_request", "certificate_refusal", "certificate_attempt", "certificate_file"} {
		_, err := b.App.Exec(t.Context(), `delete from `+table)
		require.ErrorContains(t, err, "permission denied", table)
	}
	for _, column := range []string{"entitlement", "sender", "sender_address", "recipient_address", "document_hash", "attachments", "sent_at", "received_at"} {
		_, err := b.App.Exec(t.Context(), `update certificate set `+column+` = `+column)
		require.ErrorContains(t, err, "permission denied", column)
	}
	_, err := b.App.Exec(t.Context(), `update certificate set passed = array_remove(passed, 'hash')`)
	require.ErrorContains(t, err, "certificate_issued_only_checked")
	_, err = b.Owner.Exec(t.Context(), `update certificate_file set pieces = array[overlay(pieces[1] placing '\x00'::bytea from 100)]`)
	require.NoError(t, err)
	require.ErrorIs(t, Audit(t.Context(), b.App, b.Env.Sealed), fault.Corrupt)
	_, err = download(t, c, got.GetId())
	require.ErrorIs(t, err, fault.Corrupt)
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	c := Default()
	require.ErrorContains(t, c.Validate(), "issuer.roots_file")
	c.Issuer.RootsFile = "roots.pem"
	require.ErrorContains(t, c.Validate(), "issuer.spki")
	require.ErrorContains(t, c.Validate(), "issuer.profile")
	c.Issuer.Profile = distcert.ProfileSandbox
	c.Issuer.SPKI = []string{"zz"}
	require.ErrorContains(t, c.Validate(), "issuer.spki[0]")
	c.Issuer.SPKI, c.Issuer.NotCheckable = []string{documentHash}, []string{distcert.CheckHash, "signature"}
	require.ErrorContains(t, c.Validate(), "issuer.not_checkable[0]")
	require.ErrorContains(t, c.Validate(), "issuer.not_checkable[1]")
	c.Issuer.NotCheckable = nil
	require.NoError(t, c.Validate())
	c.Lookup.Timeout = 0
	require.ErrorContains(t, c.Validate(), "lookup.timeout")
	c.Worker.Lease = c.Worker.Timeout
	require.ErrorContains(t, c.Validate(), "worker.lease")
}

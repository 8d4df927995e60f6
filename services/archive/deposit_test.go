package archive

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// A document that this relay shows is deposited once its recipient is found here, for its sender, and its parties get the
// certificate: the recipient when it has received the document.
func TestDeposit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.document(t, "고지서", "별지 1", "별지 2")
	facts.Actor = unittest.NewID()
	b.resolve(t, facts, 1)
	made := b.awaitDeposited(t, 1)[0]
	require.Equal(t, facts.GetEdocNum(), made.GetFacts().GetEdocNum())
	require.Equal(t, b.Clock.Now(), made.GetFacts().GetRegisteredAt().AsTime())
	require.Equal(t, facts.GetDocumentHash().GetValue(), made.GetFacts().GetRegisteredHash().GetValue())
	require.EqualValues(t, 1, made.GetChoices())
	require.EqualValues(t, 1, made.GetAttempt())
	event := b.Stated(t, made)[0]
	require.EqualValues(t, 1, event.GetOrdinal())
	require.NotEmpty(t, event.GetCausation())
	require.Equal(t, 1, b.registrations(t, facts))

	get := func(kind platformv1.PrincipalKind, who string) (*archivev1.GetRegistrationCertificateResponse, error) {
		return archivev1.NewDepositServiceClient(b.As(t, kind, who)).GetRegistrationCertificate(t.Context(), &archivev1.GetRegistrationCertificateRequest{EdocNum: facts.GetEdocNum()})
	}
	handed, err := get(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, b.sender)
	require.NoError(t, err)
	require.Equal(t, made.GetFacts().GetRegistrationCertificateDigest(), archivecert.Digest(handed.GetRegistrationCertificate()))
	registration, err := b.service.verifier.Registration(handed.GetRegistrationCertificate(), b.Clock.Now())
	require.NoError(t, err)
	require.Equal(t, ownerName, registration.Owner)
	require.Equal(t, senderAddr, registration.OnBehalfOf)
	require.Len(t, registration.AttachmentHashes, 2)
	_, err = get(platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, facts.GetActor())
	require.NoError(t, err)
	for kind, who := range map[platformv1.PrincipalKind]string{
		platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER: unittest.NewID(), platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT: unittest.NewID(),
		platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT: b.recipient,
	} {
		_, err := get(kind, who)
		require.ErrorContains(t, err, "DEPOSIT_NOT_FOUND", kind)
	}
	b.delivery.mu.Lock()
	b.delivery.received = facts
	b.delivery.mu.Unlock()
	_, err = get(platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, b.recipient)
	require.NoError(t, err, "it has received the document")
	_, err = get(platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, unittest.NewID())
	require.ErrorContains(t, err, "DEPOSIT_NOT_FOUND")

	told, err := archivev1.NewDepositLookupServiceClient(b.Unit(t, "viewing")).GetDeposit(t.Context(), &archivev1.GetDepositRequest{EdocNum: facts.GetEdocNum()})
	require.NoError(t, err)
	require.Equal(t, handed.GetRegistrationCertificate(), told.GetRegistrationCertificate())
	require.Equal(t, made.GetArchiveDocument(), told.GetArchiveDocument())
	require.NotContains(t, b.Logs.String(), password)
}

// The same bytes to several recipients are a deposit each, and senders take turns.
func TestEachDocumentHasItsOwnDeposit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Deposits.Workers = 2 })
	var all []string
	for range 5 {
		facts := b.document(t, "같은 안내문")
		b.resolve(t, facts, 1)
		all = append(all, facts.GetEdocNum())
	}
	digests := map[string]bool{}
	for _, made := range b.awaitDeposited(t, len(all)) {
		digests[made.GetFacts().GetRegistrationCertificateDigest()] = true
	}
	require.Len(t, digests, len(all))
}

// A newer resolution of what is deposited is answered with the same certificate; a repeated or older one with nothing.
func TestSecondResolution(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.document(t, "두 번 찾은 수신자")
	b.resolve(t, facts, 2)
	first := b.awaitDeposited(t, 1)[0]
	b.resolve(t, facts, 1)
	b.resolve(t, facts, 2)
	facts.Recipient = unittest.NewID()
	b.resolve(t, facts, 3)
	stated := b.awaitDeposited(t, 2)
	require.Len(t, stated, 2)
	require.Equal(t, facts.GetRecipient(), stated[1].GetFacts().GetRecipient())
	require.Equal(t, first.GetFacts().GetRegistrationCertificateDigest(), stated[1].GetFacts().GetRegistrationCertificateDigest())
	require.Equal(t, first.GetFacts().GetRegisteredAt().AsTime(), stated[1].GetFacts().GetRegisteredAt().AsTime())
	require.EqualValues(t, 3, b.Stated(t, first)[1].GetOrdinal())
	require.Equal(t, 1, b.requests.of(submitting))
}

// A resolution that comes during the attempt is the one that is answered.
func TestResolvedDuringTheAttempt(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]string{"deposited": "", "lost": "CONTENT_LOST"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			facts := b.document(t, "그사이 다시 찾은 수신자")
			if reason != "" {
				b.content.change(facts.GetDocumentContent(), func(one *file) { one.failure = errDamaged })
			}
			reading, resolved := b.content.pause()
			b.resolve(t, facts, 1)
			<-reading
			facts.Recipient = unittest.NewID()
			b.resolve(t, facts, 2)
			close(resolved)
			var event *platformv1.Event
			if reason == "" {
				require.Equal(t, facts.GetRecipient(), b.awaitDeposited(t, 1)[0].GetFacts().GetRecipient())
				event = b.Stated(t, &archivev1.DocumentDeposited{})[0]
			} else {
				require.Equal(t, reason, unittest.AwaitFacts[*archivev1.DepositFailed](t, b.Bench, 1)[0].GetReason())
				event = b.Stated(t, &archivev1.DepositFailed{})[0]
			}
			require.EqualValues(t, 2, event.GetOrdinal())
		})
	}
}

// Nothing is begun for what has ended, in whichever order that becomes known; what ends during an attempt is not stated.
func TestEndedBeforeItsDeposit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.document(t, "먼저 취소")
	b.end(t, before, &deliveryv1.DocumentCancelled{EdocNum: before.GetEdocNum()})
	b.resolve(t, before, 1)
	require.Equal(t, "STOPPED", b.row(t, before.GetEdocNum()).state)

	away := b.document(t, "기다리다 만료")
	b.content.change(away.GetDocumentContent(), func(one *file) { one.failure = errNow })
	b.resolve(t, away, 1)
	b.awaitRow(t, away.GetEdocNum(), func(r row) bool { return r.attempt > 1 && r.lastError == "the content cannot be read now" })
	b.end(t, away, &deliveryv1.DeliveryExpired{EdocNum: away.GetEdocNum()})
	require.Equal(t, "STOPPED", b.row(t, away.GetEdocNum()).state)

	during := b.document(t, "진행 중 실패")
	reading, ended := b.content.pause()
	b.resolve(t, during, 1)
	<-reading
	b.end(t, during, &deliveryv1.DeliveryFailed{EdocNum: during.GetEdocNum()})
	close(ended)
	await.Require(t, unittest.Patience, func() bool {
		return strings.Contains(strings.Join(b.outcomes(t), "\n"), "too late: registered")
	})
	require.Equal(t, "STOPPED", b.row(t, during.GetEdocNum()).state)
	require.Empty(t, unittest.Facts[*archivev1.DocumentDeposited](t, b.Bench))
	require.Empty(t, unittest.Facts[*archivev1.DepositFailed](t, b.Bench))
	require.Zero(t, b.registrations(t, before))
}

// Two replicas deposit each document once.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task, err := b.service.depositTask()
	require.NoError(t, err)
	b.run(t, task)
	for range 8 {
		b.resolve(t, b.document(t, "복제 "+time.Duration(b.serial).String()), 1)
	}
	require.Len(t, b.awaitDeposited(t, 8), 8)
	require.Equal(t, 8, b.requests.of(submitting))
}

// A deposited document is issued again with an original certificate, which names its registration; what the archive says comes
// last, after bytes that have the stated hash.
func TestIssueDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := strings.Repeat("고지서 ", 100_000)
	facts := b.document(t, content)
	issue := func(number string) (bytes []byte, of *archivev1.IssuedDocument, err error) {
		client := archivev1.NewDepositLookupServiceClient(b.Unit(t, "certificate"))
		stream, err := client.IssueDocument(t.Context(), &archivev1.IssueDocumentRequest{EdocNum: number})
		require.NoError(t, err)
		for {
			piece, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return bytes, of, nil
			}
			if err != nil {
				return bytes, of, err
			}
			require.Nil(t, of, "nothing comes after what the archive says")
			bytes, of = append(bytes, piece.GetData()...), piece.GetIssued()
		}
	}
	_, _, err := issue(facts.GetEdocNum())
	require.ErrorContains(t, err, "DEPOSIT_NOT_FOUND")
	b.resolve(t, facts, 1)
	made := b.awaitDeposited(t, 1)[0]
	bytes, of, err := issue(facts.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, content, string(bytes))
	require.Equal(t, facts.GetDocumentHash().GetValue(), of.GetHash())
	certificates, err := b.Config.(*Config).Certificates.New(b.Clock)
	require.NoError(t, err)
	original, err := certificates.Original(of.GetOriginalCertificate(), b.Clock.Now())
	require.NoError(t, err)
	require.Equal(t, made.GetFacts().GetRegistrationCertificateDigest(), original.RegistrationCertificateDigest)

	b.misbehave(t, scenario.Scenario{Kind: scenario.Down})
	_, _, err = issue(facts.GetEdocNum())
	require.ErrorContains(t, err, "ARCHIVE_UNAVAILABLE")
}

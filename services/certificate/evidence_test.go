package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/pki" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// fakeRecords play the journals of the units that state facts about a document.
type fakeRecords struct {
	mu    sync.Mutex
	prove func(unit string) (*platformv1.LogProof, error)
}

func (f *fakeRecords) set(prove func(unit string) (*platformv1.LogProof, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prove = prove
}

// beside serves the journal of a unit beside its other fakes.
func (f *fakeRecords) beside(unit string, register func(grpc.ServiceRegistrar)) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) {
		platformv1.RegisterJournalServiceServer(r, &fakeJournal{unit: unit, records: f})
		register(r)
	}
}

type fakeJournal struct {
	platformv1.UnimplementedJournalServiceServer
	unit    string
	records *fakeRecords
}

func (f *fakeJournal) ProveDocument(context.Context, *platformv1.ProveDocumentRequest) (*platformv1.ProveDocumentResponse, error) {
	f.records.mu.Lock()
	defer f.records.mu.Unlock()
	proved, err := f.records.prove(f.unit)
	return &platformv1.ProveDocumentResponse{Proof: proved}, err
}

// logs are those of the units, with one witness for all.
type logs struct {
	t       *testing.T
	keys    map[string]logprooftest.Key
	witness logprooftest.Key

	mu sync.Mutex
	// grown are the facts of logs that grow, by unit.
	grown map[string][]logprooftest.Fact
}

func newLogs(t *testing.T) *logs {
	t.Helper()
	l := &logs{t: t, keys: map[string]logprooftest.Key{}, grown: map[string][]logprooftest.Fact{}}
	var err error
	l.witness, err = logprooftest.NewKey(unittest.Platform, "witness")
	require.NoError(t, err)
	for _, unit := range []string{"intake", "archive", "delivery", "viewing", "circulation", "hub"} {
		l.keys[unit], err = logprooftest.NewKey(unittest.Platform, unit)
		require.NoError(t, err)
	}
	return l
}

func (l *logs) prove(unit, subject string, at time.Time, messages ...proto.Message) *platformv1.LogProof {
	if len(messages) == 0 {
		return &platformv1.LogProof{Unit: unit}
	}
	var facts []logprooftest.Fact
	for _, message := range messages {
		facts = append(facts, logprooftest.Fact{Unit: unit, Subject: subject, Ordinal: 1, At: at, RecordedAt: at, Message: message})
	}
	p, err := logprooftest.Prove(unittest.Platform, unit, facts, l.keys[unit].Signer, l.witness.Cosigner)
	require.NoError(l.t, err)
	return p
}

// grow adds a fact to the log of a unit, and proves it.
func (l *logs) grow(unit, subject string, at time.Time, message proto.Message) *platformv1.LogProof {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grown[unit] = append(l.grown[unit], logprooftest.Fact{Unit: unit, Subject: subject, Ordinal: 1, At: at, RecordedAt: at, Message: message})
	p, err := logprooftest.Prove(unittest.Platform, unit, l.grown[unit], l.keys[unit].Signer, l.witness.Cosigner)
	require.NoError(l.t, err)
	p.Facts = p.GetFacts()[len(p.GetFacts())-1:]
	return p
}

// evidence is a bundle of that form of a document, of which every unit has recorded what belongs to it.
func (w *workshop) evidence(t *testing.T, l *logs, number string) {
	t.Helper()
	answer, _ := w.delivery.known(number)
	facts := answer.GetFacts()
	signer := w.pki.Signer(pki.Archive)
	der, err := archivecert.IssueRegistration(w.statement(), archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, w.Clock.Now())
	require.NoError(t, err)
	w.archive.set(func(f *fakeArchive) { f.registration, f.digest = der, archivecert.Digest(der) })
	deposited := proto.CloneOf(facts)
	deposited.RegistrationCertificateDigest = archivecert.Digest(der)
	receivedAt, exchange := facts.GetReceivedAt().AsTime(), id.New().String()
	raw := []byte("HTTP 200\r\nContent-Type: application/json\r\n\r\n{\"edocNum\":\"" + number + "\"}")
	digest := sha256.Sum256(raw)
	w.records.set(func(unit string) (*platformv1.LogProof, error) {
		switch unit {
		case "intake":
			return l.prove(unit, number, receivedAt.Add(-time.Hour), &intakev1.DocumentAccepted{Facts: facts}), nil
		case "archive":
			return l.prove(unit, number, receivedAt.Add(-time.Minute), &archivev1.DocumentDeposited{Facts: deposited}), nil
		case "delivery":
			return l.prove(unit, number, receivedAt, &deliveryv1.DocumentReceived{Facts: facts}), nil
		case "circulation":
			return l.prove(unit, number, receivedAt.Add(time.Second), &circulationv1.CirculationRegistered{EdocNum: number, Exchange: exchange, From: facts.GetFrom(), To: facts.GetTo()}), nil
		default:
			return l.prove(unit, number, receivedAt), nil
		}
	})
	w.hub.answers = func(r *hubv1.GetAnswerRequest) (*hubv1.GetAnswerResponse, error) {
		if r.GetExchange() != exchange { // that of the distribution certificate, which was about others, too
			return &hubv1.GetAnswerResponse{Proof: l.grow("hub", r.GetExchange(), receivedAt, &hubv1.ExchangeAnswered{Outcome: "success"})}, nil
		}
		return &hubv1.GetAnswerResponse{Answer: raw, Proof: l.grow("hub", exchange, receivedAt, &hubv1.ExchangeAnswered{Outcome: "success", ResponseDigest: digest[:], SentAt: timestamppb.New(receivedAt)})}, nil
	}
}

// trusted are the logs of the fakes, and that of this unit with its own witness.
func (w *workshop) trusted(t *testing.T, l *logs) *bundle.Trust {
	t.Helper()
	trust := w.trust(t)
	answer, err := platformv1.NewKeyServiceClient(w.Unit(t, "status")).GetKeySet(t.Context(), &platformv1.GetKeySetRequest{})
	require.NoError(t, err)
	trust.Logs = func() (logproof.Logs, error) {
		all := logproof.Logs{journal.OwnerOf(unittest.Platform, domain): {Log: answer.GetVerifierKeys()[0], Witnesses: []string{w.WitnessKey}}}
		for unit, key := range l.keys {
			all[journal.OwnerOf(unittest.Platform, unit)] = key.Trusted(l.witness)
		}
		return all, nil
	}
	return trust
}

// A bundle of the evidence form waits, visibly, for every unit's facts, and then holds them with their proofs; what this unit
// recorded about the request is among them.
func TestEvidence(t *testing.T) {
	t.Parallel()
	w, l := newWorkshop(t), newLogs(t)
	number := w.deposited(t, 1)
	w.evidence(t, l, number)
	proved := w.records.prove
	w.records.set(func(string) (*platformv1.LogProof, error) {
		return nil, fault.New(fault.Unavailable, "intake", fault.Word("FACTS_NOT_WITNESSED"), "")
	})
	asked, err := w.bundles(t).RequestBundle(t.Context(), &certificatev1.RequestBundleRequest{
		EdocNum: number, Reason: reasonText, RequestId: "e-1", Form: certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE,
	})
	require.NoError(t, err)
	require.Equal(t, certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE, asked.GetBundle().GetForm())
	w.await(t, asked.GetBundle().GetId(), func(b *certificatev1.Bundle) bool {
		return b.GetWaitsFor() == certificatev1.BundleWait_BUNDLE_WAIT_EVIDENCE
	})
	require.Zero(t, w.archive.issued, "the archive is not asked for a document before the rest is there")

	w.records.set(proved)
	got := w.await(t, asked.GetBundle().GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState(), got.String())
	content, _, err := w.download(t, got.GetId())
	require.NoError(t, err)
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: w.trusted(t, l), At: w.Clock.Now()})
	require.NoError(t, err)
	require.True(t, report.Valid, "%v", report.Checks)
	require.Equal(t, bundle.Evidence, report.Bundle.Form)
	for _, check := range []string{bundle.CheckRegistration, bundle.CheckRegistrationMatch, bundle.CheckTimeline, bundle.CheckJournal, bundle.CheckFacts, bundle.CheckAnswers} {
		require.Equal(t, proof.Passed, report.Check(check).Outcome, "%s: %s", check, report.Check(check).Detail)
	}
	container, err := asic.Open(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	own, err := container.Read("evidence/journal/certificate001.json", logproof.MaxBytes)
	require.NoError(t, err)
	file, err := logproof.Decode(own)
	require.NoError(t, err)
	require.Len(t, file.Facts, 3, "requested, accepted, attempted")

	// Without the logs' keys nothing is claimed about them.
	trust := w.trust(t)
	trust.Logs = nil
	report, err = bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust, At: w.Clock.Now()})
	require.NoError(t, err)
	require.True(t, report.Valid)
	require.Equal(t, proof.NotCheckable, report.Check(bundle.CheckJournal).Outcome)
}

// The same request for another form is another content.
func TestFormIsPartOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	number := w.deposited(t, 1)
	w.request(t, number, "f-1")
	_, err := w.bundles(t).RequestBundle(t.Context(), &certificatev1.RequestBundleRequest{
		EdocNum: number, Reason: reasonText, RequestId: "f-1", Form: certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE,
	})
	require.Equal(t, "REQUEST_ID_REUSED", fault.ReasonOf(err))
}

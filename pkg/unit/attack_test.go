package unit_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func done(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil }

// replica returns a producer with a separate key folder, and the file of the month's key.
func replica(t *testing.T, at time.Time) (*journal.Keys, string) {
	t.Helper()
	dir := t.TempDir()
	store, err := keys.Open(dir, keys.Options{Create: true})
	require.NoError(t, err)
	return journal.NewKeys(store, clock.NewFake(at)), filepath.Join(dir, "frame-"+at.UTC().Format("2006-01")+".mac")
}

// sealedBy seals a frame as a replica does.
func sealedBy(t *testing.T, k *journal.Keys, f frame.Frame) (frame.Frame, map[string][]byte) {
	t.Helper()
	made, err := k.Seal(t.Context(), "intake", frame.NewCommit(), []frame.Frame{f})
	require.NoError(t, err)
	tags, err := k.Tags(t.Context(), made[0].Header, []string{"address"})
	require.NoError(t, err)
	return made[0].Frame, tags
}

// Frames that somebody puts on the bus with the broker's own rights are not consumed, whatever part of a genuine one was changed.
// Each raises an alarm and is kept for the operator. The genuine frame with the same id still has its effect.
func TestForgedFramesOnTheBus(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	truth := unittest.Frames(t, express, accepted("doc-1"))[0]
	other := unittest.Frames(t, express, journal.Fact{Subject: "doc-2", Actor: "sender", OccurredAt: b.Clock.Now(), Message: &intakev1.CancelRequested{EdocNum: "doc-2"}})[0]
	stranger, _ := replica(t, b.Clock.Now())
	forgeries := map[string]func(f *frame.Frame, tags map[string][]byte){
		"another content": func(f *frame.Frame, _ map[string][]byte) {
			id := f.ID
			*f = unittest.Frames(t, express, accepted("doc-2"))[0]
			f.ID = id
		},
		"no tag":      func(_ *frame.Frame, tags map[string][]byte) { delete(tags, "address") },
		"a wrong tag": func(_ *frame.Frame, tags map[string][]byte) { tags["address"] = make([]byte, 32) },
		"the tag of another reader": func(f *frame.Frame, tags map[string][]byte) {
			tags["address"] = unittest.Tags(t, *f, "status")["status"]
		},
		"replayed under another id": func(f *frame.Frame, _ map[string][]byte) { f.ID = frame.IDOf(frame.NewCommit(), 1) },
		"another count":             func(f *frame.Frame, _ map[string][]byte) { f.Count = 2 },
		"another lane":              func(f *frame.Frame, _ map[string][]byte) { f.Lane = platformv1.Lane_LANE_BULK },
		"another time":              func(f *frame.Frame, _ map[string][]byte) { f.RecordedAt = f.RecordedAt.Add(time.Second) },
		"another kind": func(f *frame.Frame, tags map[string][]byte) {
			tags["address"] = unittest.Tags(t, other, "address")["address"]
			kind := f.Kind
			*f = other
			f.Kind = kind
		},
		"the key of another": func(f *frame.Frame, tags map[string][]byte) {
			key := f.KeyID
			made, by := sealedBy(t, stranger, *f)
			*f, tags["address"] = made, by["address"]
			f.KeyID = key
		},
	}
	for _, change := range forgeries {
		f, tags := truth, unittest.Tags(t, truth, "address")
		tags[frame.OwnTag] = []byte(rand.Text()) // so that JetStream does not drop it as a duplicate
		change(&f, tags)
		b.Offer(t, f, tags)
	}
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from parked_event where reason = 'frame_forged'`) == len(forgeries)
	})
	require.Zero(t, rows(t, b, `select count(*) from consumed_frame`))
	require.Zero(t, rows(t, b, `select count(*) from document`))
	require.InDelta(t, len(forgeries), b.Metric(t, "naru_inbox_forged_frames_total"), 0)

	// A replay by an operator does not hand one to a handler either.
	client := platformv1.NewParkedEventServiceClient(b.Admin(t))
	listed, err := client.ListParkedEvents(t.Context(), &platformv1.ListParkedEventsRequest{Unit: "address"})
	require.NoError(t, err)
	for _, parked := range listed.GetEvents() {
		answer, err := client.ReplayParkedEvents(t.Context(), &platformv1.ReplayParkedEventsRequest{Unit: "address", Ids: []string{parked.GetId()}})
		require.NoError(t, err)
		require.EqualValues(t, 1, answer.GetStillParked())
	}
	b.DeliverFrames(t, truth)
	require.Equal(t, 1, rows(t, b, `select count(*) from document where edoc_num = 'doc-1'`))
}

// A frame with a good key whose time is too old or in the future is parked instead of handled as new.
func TestFramesOfAnotherTimeOnTheBus(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	for _, days := range []int{-22, 22} {
		k, file := replica(t, b.Clock.Now().AddDate(0, 0, days))
		f, tags := sealedBy(t, k, unittest.Frames(t, express, accepted("doc-1"))[0])
		unittest.AddFrameKey(t, "intake", file)
		b.Offer(t, f, tags)
	}
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from parked_event where reason = 'frame_too_old'`) == 2
	})
	require.Zero(t, rows(t, b, `select count(*) from document`))
	require.InDelta(t, 2, b.Metric(t, "naru_inbox_forged_frames_total"), 0)
}

// A reader whose clock is wrong by two months takes no frame meanwhile, and loses none: the database's clock says otherwise.
func TestAReaderWithAWrongClockLosesNoFrame(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	k, file := replica(t, b.Clock.Now())
	f, tags := sealedBy(t, k, unittest.Frames(t, express, accepted("doc-1"))[0])
	unittest.AddFrameKey(t, "intake", file)
	b.Advance(t, 60*24*time.Hour)
	b.Offer(t, f, tags)
	await.Require(t, unittest.Patience, func() bool { return b.Metric(t, "naru_inbox_retries_total") > 0 })
	require.Zero(t, rows(t, b, `select count(*) from parked_event`))
	require.Zero(t, rows(t, b, `select count(*) from document`))
	b.Advance(t, -60*24*time.Hour)
	await.Require(t, unittest.Patience, func() bool { return rows(t, b, `select count(*) from document`) == 1 })
	require.Zero(t, rows(t, b, `select count(*) from parked_event`))
}

// A frame whose key its producer does not have waits, and is handled once the producer has the key: replicas must share their key
// folder.
func TestFrameUnderAKeyThatIsNotKnownWaits(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	k, file := replica(t, b.Clock.Now())
	f, tags := sealedBy(t, k, unittest.Frames(t, express, accepted("doc-1"))[0])
	b.Offer(t, f, tags)
	await.Require(t, unittest.Patience, func() bool { return b.Metric(t, "naru_inbox_retries_total") > 0 })
	require.Zero(t, rows(t, b, `select count(*) from parked_event`))
	require.Zero(t, rows(t, b, `select count(*) from document`))
	unittest.AddFrameKey(t, "intake", file)
	await.Require(t, 3*unittest.Patience, func() bool { return rows(t, b, `select count(*) from document`) == 1 })
	require.Zero(t, rows(t, b, `select count(*) from parked_event`))
}

// A unit answers a reader with a key that it has, says that a key was destroyed, or says that it never had the key and raises an
// alarm.
func TestFrameKeysForReaders(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	ids := map[string]string{}
	for name, at := range map[string]time.Time{"destroyed": b.Clock.Now().AddDate(0, -3, 0), "current": b.Clock.Now()} {
		made, err := journal.NewKeys(b.Env.Keys, clock.NewFake(at)).Seal(t.Context(), "address", frame.NewCommit(), []frame.Frame{{}})
		require.NoError(t, err)
		ids[name] = made[0].KeyID
	}
	gone, err := journal.NewKeys(b.Env.Keys, b.Clock).DestroyOld(t.Context(), b.Clock.Now(), time.Time{})
	require.NoError(t, err)
	require.Len(t, gone, 1)
	ask := func(id string) (*platformv1.GetFrameKeyResponse, error) {
		return platformv1.NewJournalServiceClient(b.Unit(t, "status")).GetFrameKey(t.Context(), &platformv1.GetFrameKeyRequest{KeyId: id})
	}
	answer, err := ask(ids["current"])
	require.NoError(t, err)
	require.Len(t, answer.GetKey(), 32)
	_, err = ask(ids["destroyed"])
	require.ErrorIs(t, err, fault.NotFound)
	require.Equal(t, "FRAME_KEY_DESTROYED", fault.ReasonOf(err))
	require.Zero(t, b.Metric(t, "naru_journal_unknown_keys_total"))
	_, err = ask(ids["current"][:7] + ".000000000000")
	require.ErrorIs(t, err, fault.Conflict)
	require.Equal(t, "FRAME_KEY_UNKNOWN", fault.ReasonOf(err))
	require.InDelta(t, 1, b.Metric(t, "naru_journal_unknown_keys_total"), 0)
}

// Only an operator's act releases a held frame, and the act is a fact.
func TestHeldFrameIsReleasedByAnOperator(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	b.Deliver(t, express, accepted("doc-1"))
	// Back-dating is judged by the log; before the first checkpoint there is nothing to compare with.
	await.Require(t, unittest.Patience, func() bool { return rows(t, b, `select count(*) from log_checkpoint`) > 0 })
	stolen := journal.NewKeys(b.Env.Keys, clock.NewFake(b.Clock.Now().Add(-time.Hour)))
	stated := journaltest.OfKind(t, b.App, "address", frame.KindOf(&addressv1.DocumentCancelled{}))
	made, err := stolen.Seal(t.Context(), "address", frame.NewCommit(), []frame.Frame{stated[0].Frame})
	require.NoError(t, err)
	f := made[0]
	_, err = b.App.Exec(t.Context(), `
		insert into journal (frame_id, kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		f.ID, string(f.Kind), int16(f.Lane), f.Count, f.KeyID, int16(f.Compression), f.RawLength, f.RecordedAt, f.Root[:], f.MAC, f.Body)
	require.NoError(t, err)
	_, err = b.App.Exec(t.Context(), `insert into journal_mark (frame_id, lane) values ($1, $2)`, f.ID, int16(f.Lane))
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return b.Metric(t, "naru_journal_held_frames") == 1 })

	client := platformv1.NewJournalAdminServiceClient(b.Admin(t))
	held, err := client.ListHeldFrames(t.Context(), &platformv1.ListHeldFramesRequest{Unit: "address"})
	require.NoError(t, err)
	require.Len(t, held.GetFrames(), 1)
	require.Equal(t, f.ID.String(), held.GetFrames()[0].GetFrameId())
	_, err = platformv1.NewJournalAdminServiceClient(b.Sender(t, unittest.NewID())).ReleaseFrame(t.Context(), &platformv1.ReleaseFrameRequest{Unit: "address", FrameId: f.ID.String(), Reason: "x"})
	require.ErrorIs(t, err, fault.Denied)
	_, err = client.ReleaseFrame(t.Context(), &platformv1.ReleaseFrameRequest{Unit: "address", FrameId: f.ID.String(), Reason: "the process had paused"})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from journal_mark where frame_id = $1 and leaf is not null and published_at is not null`, f.ID) == 1
	})
	require.Len(t, b.Stated(t, &platformv1.FrameReleased{}), 1)
}

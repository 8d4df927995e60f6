package viewing

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// The first accepted report sets the read time. Later ones are recorded and answered with it.
func TestReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t)
	read := b.Clock.Now().Add(2 * time.Second)
	b.Advance(t, 5*time.Second)
	reported := b.Clock.Now()
	first, err := b.report(t, b.system, reportOn(f, v, read))
	require.NoError(t, err)
	require.Equal(t, read, first.GetReadAt().AsTime())
	require.False(t, first.GetDuplicate())

	b.Advance(t, time.Second)
	again, err := b.report(t, b.system, reportOn(f, v, read))
	require.NoError(t, err)
	require.Equal(t, read, again.GetReadAt().AsTime())
	require.True(t, again.GetDuplicate())

	earlier, err := b.report(t, b.system, reportOn(f, v, read.Add(-time.Second)))
	require.NoError(t, err)
	require.Equal(t, read, earlier.GetReadAt().AsTime(), "an earlier time that comes later changes nothing")
	require.True(t, earlier.GetDuplicate())
	second, err := b.report(t, b.system, reportOn(f, b.verifiedAgain(t, f), b.Clock.Now()))
	require.NoError(t, err)
	require.Equal(t, read, second.GetReadAt().AsTime())

	stated := b.Stated(t, &viewingv1.DocumentRead{})
	require.Len(t, stated, 1)
	require.Equal(t, uint32(1), stated[0].GetOrdinal())
	require.Equal(t, f.GetEdocNum(), stated[0].GetSubject())
	message := unittest.Facts[*viewingv1.DocumentRead](t, b.Bench)[0]
	require.Equal(t, read, message.GetReadAt().AsTime())
	require.Equal(t, v.GetVerifiedAt().AsTime(), message.GetVerifiedAt().AsTime())
	require.Equal(t, reported, message.GetReportedAt().AsTime())
	require.Equal(t, f.GetRecipient(), message.GetRecipient())
	require.Equal(t, b.system, message.GetViewingSystem())
	require.Equal(t, strings.Repeat("1e", 32), message.GetLogDigest())

	require.Equal(t, []string{"ACCEPTED", "REPEATED", "DIFFERS", "DIFFERS"},
		b.query(t, `select outcome from read_report where edoc_num = $1 order by id`, f.GetEdocNum()))
	require.Equal(t, v.GetVerificationId(), message.GetVerification())
	require.Equal(t, "SHA-256:"+strings.Repeat("0a", 32), message.GetShownHash())
	for _, row := range []struct {
		sql  string
		fact proto.Message
	}{
		{`select used_commit_id::text from viewing_token where edoc_num = $1 order by ordinal limit 1`, &viewingv1.ViewingTokenVerified{}},
		{`select commit_id::text from read_time where edoc_num = $1`, &viewingv1.DocumentRead{}},
	} {
		commits := b.query(t, row.sql, f.GetEdocNum())
		require.Len(t, commits, 1)
		require.NoError(t, journal.Find(t.Context(), b.App, "viewing", uuid.MustParse(commits[0]), f.GetEdocNum(), row.fact))
	}
	others, envelopes := private[*viewingv1.ReadReported](t, b, f.GetEdocNum())
	require.Len(t, others, 3, "the first is stated once, as the reading")
	require.Equal(t, []string{envelopes[0].GetSubject(), envelopes[1].GetSubject(), envelopes[2].GetSubject()},
		b.query(t, `select id::text from read_report order by id offset 1`), "each has an identity of its own")
	require.Equal(t, strings.Repeat("1e", 32), others[0].GetLogDigest())
	require.Equal(t, "REPEATED", others[0].GetOutcome())
	require.Equal(t, "DIFFERS", others[2].GetOutcome())
}

// A reading by a clock that is ahead counts as it was told, and the fact keeps both clocks.
func TestReportByAClockThatIsAhead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t)
	arrival := b.Clock.Now()
	r := reportOn(f, v, arrival.Add(300*time.Millisecond))
	r.ReportedAt = timestamppb.New(arrival.Add(310 * time.Millisecond))
	_, err := b.report(t, b.system, r)
	require.NoError(t, err)
	read := unittest.Facts[*viewingv1.DocumentRead](t, b.Bench)[0]
	require.Equal(t, arrival.Add(300*time.Millisecond), read.GetReadAt().AsTime(), "unchanged")
	require.Equal(t, arrival, read.GetReportedAt().AsTime())
	require.Equal(t, arrival.Add(310*time.Millisecond), read.GetSentAt().AsTime())
	require.Equal(t, []string{"310"}, b.query(t,
		`select (extract(epoch from sent_at - reported_at) * 1000)::int::text from read_report where edoc_num = $1`, f.GetEdocNum()))
}

// Every rule of a report, and the reason for refusing each violation.
func TestReportRules(t *testing.T) {
	t.Parallel()
	// The clock is in the middle of a second, so that truncation is visible.
	start := clock.System().Now().Truncate(time.Second).Add(500_250 * time.Microsecond)
	b := setup(t, unittest.WithClock(clock.NewFake(start)))
	stranger := unittest.NewID()
	b.serve(t, stranger, 1, false, b.sender)
	notKept := func(f *platformv1.DocumentFacts) {
		f.DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
	}
	other, _ := b.verified(t)
	second := start.Truncate(time.Second)
	arrival := start.Add(2 * time.Second) // every report comes two seconds after its verification
	for _, test := range []struct {
		name   string
		facts  func(f *platformv1.DocumentFacts)
		system string
		read   time.Time
		change func(r *viewingv1.ReportReadRequest)
		reason viewingv1.Reason
	}{
		{name: "read when verified", read: start},
		{name: "read when reported", read: arrival},
		{name: "a notice with read time", read: start, facts: func(f *platformv1.DocumentFacts) { f.DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE }},
		{name: "the second of the verification", read: second},
		{name: "the second of the arrival", read: second.Add(2 * time.Second)},
		{name: "the millisecond of the verification", read: second.Add(500 * time.Millisecond)},
		{name: "the millisecond of the arrival", read: second.Add(2500 * time.Millisecond)},
		{name: "a microsecond before the verification", read: start.Add(-time.Microsecond), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "a millisecond before the verification", read: second.Add(499 * time.Millisecond), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "a second before the verification", read: second.Add(-time.Second), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "by a clock 300 ms ahead", read: arrival.Add(300 * time.Millisecond)},
		{name: "by a clock as far ahead as may be", read: arrival.Add(2 * time.Second)},
		{name: "by a clock a microsecond further ahead", read: arrival.Add(2*time.Second + time.Microsecond), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "a second further ahead", read: second.Add(5 * time.Second), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "the beginning of time", read: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), reason: viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW},
		{name: "another hash", read: start, change: func(r *viewingv1.ReportReadRequest) {
			r.ShownHash = &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ff", 32)}
		}, reason: viewingv1.Reason_REASON_SHOWN_HASH_DIFFERS},
		{name: "a notice without read time", read: start, facts: notKept, reason: viewingv1.Reason_REASON_READ_TIME_NOT_KEPT},
		{name: "a verification nobody made", read: start, change: func(r *viewingv1.ReportReadRequest) { r.VerificationId = uuid.NewString() },
			reason: viewingv1.Reason_REASON_VERIFICATION_UNKNOWN},
		{name: "another document", read: start, change: func(r *viewingv1.ReportReadRequest) { r.EdocNum = other.GetEdocNum() },
			reason: viewingv1.Reason_REASON_VERIFICATION_UNKNOWN},
		{name: "no document", read: start, change: func(r *viewingv1.ReportReadRequest) { r.EdocNum = "20269999_NARU000001_0000000000042" },
			reason: viewingv1.Reason_REASON_VERIFICATION_UNKNOWN},
		{name: "another viewing system", read: start, system: stranger, reason: viewingv1.Reason_REASON_VERIFICATION_UNKNOWN},
		{name: "another viewing system with a wrong hash", read: start, system: stranger, change: func(r *viewingv1.ReportReadRequest) {
			r.ShownHash = &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ff", 32)}
		}, reason: viewingv1.Reason_REASON_VERIFICATION_UNKNOWN},
	} {
		b.Clock.Set(start)
		var changes []func(f *platformv1.DocumentFacts)
		if test.facts != nil {
			changes = append(changes, test.facts)
		}
		f, v := b.verified(t, changes...)
		b.Clock.Set(arrival)
		r := reportOn(f, v, test.read)
		if test.change != nil {
			test.change(r)
		}
		system := b.system
		if test.system != "" {
			system = test.system
		}
		answer, err := b.report(t, system, r)
		recorded := b.query(t, `select outcome from read_report order by id desc limit 1`)
		times := b.query(t, `select edoc_num from read_time where edoc_num in ($1, $2)`, f.GetEdocNum(), r.GetEdocNum())
		if test.reason == viewingv1.Reason_REASON_UNSPECIFIED {
			require.NoError(t, err, test.name)
			require.Equal(t, test.read, answer.GetReadAt().AsTime(), "%s: kept as reported", test.name)
			require.Equal(t, []string{"ACCEPTED"}, recorded, test.name)
			require.Len(t, times, 1)
			continue
		}
		require.Error(t, err, test.name)
		require.Equal(t, strings.TrimPrefix(test.reason.String(), "REASON_"), fault.ReasonOf(err), test.name)
		require.Empty(t, times, test.name)
		proofs := unittest.Facts[*viewingv1.ReadReported](t, b.Bench)
		require.NotEmpty(t, proofs, test.name)
		require.Equal(t, recorded[0], proofs[len(proofs)-1].GetOutcome(), test.name)
		envelope := b.Stated(t, &viewingv1.ReadReported{})[len(proofs)-1]
		require.Equal(t, system, envelope.GetActor(), test.name)
		require.Equal(t, test.reason == viewingv1.Reason_REASON_VERIFICATION_UNKNOWN, envelope.GetSender() == "", test.name)
	}
	_, err := b.report(t, b.system, &viewingv1.ReportReadRequest{EdocNum: other.GetEdocNum(), VerificationId: uuid.NewString(),
		ReadAt: &timestamppb.Timestamp{Seconds: 1, Nanos: -1}, ShownHash: other.GetDocumentHash(), LogDigest: strings.Repeat("1e", 32)})
	require.ErrorIs(t, err, fault.Invalid)
}

// After a refused report a good one is still accepted; a refused one after it changes nothing.
func TestReportAfterRefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t)
	wrong := reportOn(f, v, b.Clock.Now())
	wrong.ShownHash = &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ff", 32)}
	_, err := b.report(t, b.system, wrong)
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_SHOWN_HASH_DIFFERS)
	first, err := b.report(t, b.system, reportOn(f, v, b.Clock.Now()))
	require.NoError(t, err)
	require.False(t, first.GetDuplicate())
	_, err = b.report(t, b.system, wrong)
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_SHOWN_HASH_DIFFERS)
	require.Len(t, unittest.Facts[*viewingv1.DocumentRead](t, b.Bench), 1)

	same := reportOn(f, b.verifiedAgain(t, f), first.GetReadAt().AsTime())
	_, err = b.report(t, b.system, same)
	require.NoError(t, err)
	require.Equal(t, []string{"SHOWN_HASH_DIFFERS", "ACCEPTED", "SHOWN_HASH_DIFFERS", "DIFFERS"},
		b.query(t, `select outcome from read_report order by id`), "another verification is another report")
}

// A report long after the viewing deadline counts, because its token was verified before.
func TestReportAfterDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t, func(f *platformv1.DocumentFacts) { f.ViewingDeadline = timestamppb.New(b.Clock.Now().Add(time.Minute)) })
	read := b.Clock.Now().Add(time.Second)
	b.Advance(t, 72*time.Hour)
	answer, err := b.report(t, b.system, reportOn(f, v, read))
	require.NoError(t, err)
	require.Equal(t, read, answer.GetReadAt().AsTime())
	_, err = b.issue(t, f.GetRecipient(), f.GetEdocNum())
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_VIEWING_DEADLINE_PASSED)
}

// In whatever order good and bad reports for several verifications come, on whichever replica, the first accepted one sets the
// read time, and it never changes.
func TestReadTimeNeverMoves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	replicas := []*service{b.replica(t), b.replica(t)}
	for round := range 12 {
		random := rand.New(rand.NewPCG(7, uint64(round)))
		f, one := b.verified(t)
		verifications := []*viewingv1.VerifyViewingTokenResponse{one, b.verifiedAgain(t, f)}
		b.Advance(t, 10*time.Second)
		var counts time.Time
		accepted := 0
		for range 10 {
			v := verifications[random.IntN(2)]
			r := reportOn(f, v, v.GetVerifiedAt().AsTime().Add(time.Duration(random.IntN(15)-2)*time.Second))
			if random.IntN(4) == 0 {
				r.ShownHash = &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ff", 32)}
			}
			answer, err := replicas[random.IntN(2)].checker.ReportRead(asSystem(t.Context(), b.system), r)
			if err != nil {
				continue
			}
			accepted++
			if accepted == 1 {
				counts = r.GetReadAt().AsTime()
			}
			require.Equal(t, accepted > 1, answer.GetDuplicate())
			require.Equal(t, counts, answer.GetReadAt().AsTime())
		}
		require.Positive(t, accepted)
	}
	require.Len(t, unittest.Facts[*viewingv1.DocumentRead](t, b.Bench), 12)
}

// Of different reports at the same time on two replicas, one sets the read time, and all are answered with it.
func TestReportConcurrently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t)
	replicas := []*service{b.replica(t), b.replica(t)}
	start := b.Clock.Now()
	b.Advance(t, 20*time.Second)
	answers, errs := make([]*viewingv1.ReportReadResponse, 16), make([]error, 16)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i], errs[i] = replicas[i%2].checker.ReportRead(asSystem(t.Context(), b.system), reportOn(f, v, start.Add(time.Duration(i)*time.Second)))
		})
	}
	group.Wait()
	firsts, times := 0, map[time.Time]bool{}
	for i, err := range errs {
		require.NoError(t, err)
		times[answers[i].GetReadAt().AsTime()] = true
		if !answers[i].GetDuplicate() {
			firsts++
			require.Equal(t, start.Add(time.Duration(i)*time.Second), answers[i].GetReadAt().AsTime())
		}
	}
	require.Equal(t, 1, firsts)
	require.Len(t, times, 1)
	require.Len(t, unittest.Facts[*viewingv1.DocumentRead](t, b.Bench), 1)
}

// The unit's role can only add and read evidence.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f, v := b.verified(t)
	_, err := b.report(t, b.system, reportOn(f, v, b.Clock.Now()))
	require.NoError(t, err)
	for _, statement := range []string{
		`update read_time set read_at = read_at`, `delete from read_time`,
		`update read_report set outcome = outcome`, `delete from read_report`,
		`update token_check set outcome = outcome`, `delete from token_check`,
		`update viewing_token set expires_at = expires_at`, `delete from viewing_token`,
		`update document set viewing_deadline = viewing_deadline`, `delete from document`,
		`update cancellation set cancelled_at = cancelled_at`, `delete from login`,
	} {
		_, err := b.App.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "42501", statement)
	}
	// The constraints of the state machine apply to the owner's role too.
	_, err = b.Owner.Exec(t.Context(), `update viewing_token set used_at = null`)
	require.ErrorContains(t, err, "viewing_token_used_whole")
}

// Events come twice and in any order; the newest version of a viewing system counts.
func TestConsume(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.facts(t, unittest.NewID()).GetEdocNum()
	b.cancel(t, number)
	first := b.query(t, `select cancelled_at::text from cancellation`)
	b.Advance(t, time.Second)
	b.cancel(t, number)
	require.Equal(t, first, b.query(t, `select cancelled_at::text from cancellation`), "the first word stays")
	b.cancel(t, "no-number")
	require.Equal(t, []string{"cancellation_malformed"}, b.query(t, `select reason from parked_event`))

	system := unittest.NewID()
	b.serve(t, system, 3, false, b.sender)
	b.serve(t, system, 2, true)
	f, _ := b.verified(t)
	for name, want := range map[string]standing{system: {known: true, serves: true}, unittest.NewID(): {}} {
		_, is, found, err := readDocument(t.Context(), b.App, id.EdocNumber(f.GetEdocNum()), name)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, want, is)
	}
}

package circulation

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestTmpStatements(t *testing.T) {
	db := pgtest.New(t, "circulation", Unit.Sources()...)
	now := time.Now().UTC().Truncate(time.Microsecond)
	owner := uuid.New()
	best := map[string]time.Duration{}
	timed := func(name string, f func(tx pgx.Tx) error) {
		begin := time.Now()
		require.NoError(t, pg.InTx(t.Context(), db.App, f))
		d := time.Since(begin)
		if b, ok := best[name]; !ok || d < b {
			best[name] = d
		}
	}
	serial := 0
	for round := range 120 {
		recs := make([]record, 500)
		for i := range recs {
			serial++
			num := fmt.Sprintf("%s_NARUTEST01_%013d", now.Format("20060102"), serial)
			f := &platformv1.DocumentFacts{EdocNum: num, Sender: "0192f0c0-0000-7000-8000-00000000000a", Registrar: "me", Circulation: true, DocumentType: 1,
				From: &platformv1.Party{PlatformId: "me", Address: "a"}, To: &platformv1.Party{PlatformId: "me", Address: "b"},
				DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: "abababababababababababababababababababababababababababababababab"}, SealedTitle: make([]byte, 80),
				SentAt: timestamppb.New(now), ReceivedAt: timestamppb.New(now)}
			recs[i] = told(recordOf(num, f), 1, uuid.NewString(), "")
		}
		timed("merge", func(tx pgx.Tx) error { r, err := mergeRecords(t.Context(), tx, "me", recs); require.Equal(t, 500, r.registrations); return err })
		for i := range recs {
			recs[i].receivedAt = time.Time{}
		}
		timed("sent again", func(tx pgx.Tx) error { _, err := mergeRecords(t.Context(), tx, "me", recs); return err })
		var calls []call
		timed("claim", func(tx pgx.Tx) (err error) {
			calls, err = claimCalls(t.Context(), tx, registration, 1, work.Lease{Owner: owner.String(), For: time.Minute, Limit: 500})
			return err
		})
		require.Len(t, calls, 500)
		attempts := make([]attempt, 500)
		for i := range calls {
			attempts[i] = attempt{call: calls[i], digest: make([]byte, 32), sending: answered, result: 1, exchange: "0192f0c0-0000-7000-8000-00000000000a", startedAt: now, endedAt: now}
		}
		timed("digests", func(tx pgx.Tx) error { _, err := keepDigests(t.Context(), tx, registration, owner, attempts); return err })
		all := make([]settlement, 500)
		for i := range all {
			all[i] = settlement{attempt: attempts[i], decision: attempts[i].decide(3)}
		}
		timed("settle", func(tx pgx.Tx) error { m, err := settleCalls(t.Context(), tx, registration, owner, now, all); require.Len(t, m, 500); return err })
		nums := make([]string, 500)
		for i := range nums {
			nums[i] = calls[i].number
		}
		timed("release", func(tx pgx.Tx) error { _, err := releaseReadTimes(t.Context(), tx, nums); return err })
		timed("state", func(tx pgx.Tx) error { return nil })
		if round%40 == 39 {
			t.Log(round, best)
			clear(best)
		}
	}
}

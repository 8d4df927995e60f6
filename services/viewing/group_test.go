package viewing

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// Checks in one transaction each have their own outcome, and are answered, counted and stated as if they had come alone.
func TestChecksOfOneTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := map[outcome]bool{accepted: true, replayed: true, repeated: true, expired: true, forged: true, malformed: true}
	var checks []*check
	checkOf := func(compact string) *check {
		read, err := viewingtoken.Parse(compact)
		require.NoError(t, err)
		d, _, found, err := readDocument(t.Context(), b.App, read.Claims.EdocNum, b.system)
		require.NoError(t, err)
		require.True(t, found)
		return &check{id: id.New(), at: b.Clock.Now(), system: b.system, requestID: uuid.NewString(), digest: digestBytes(compact),
			number: d.number, jti: read.Claims.ID, document: d}
	}
	issue := func() string {
		recipient := unittest.NewID()
		issued, err := b.issue(t, recipient, b.receive(t, recipient).GetEdocNum())
		require.NoError(t, err)
		return issued.GetToken()
	}
	late := checkOf(issue())
	b.Advance(t, viewingtoken.Life+time.Second)
	late.at = b.Clock.Now()
	used, again := issue(), issue()
	for compact, request := range map[string]string{used: "first", again: "same"} {
		_, err := b.verify(t, b.system, compact, request)
		require.NoError(t, err)
	}
	replay, repeat, early, unissued := checkOf(used), checkOf(again), checkOf(issue()), checkOf(issue())
	repeat.requestID = "same"
	early.at = early.at.Add(-time.Minute)
	unissued.jti = id.New()
	refused := &check{id: id.New(), at: b.Clock.Now(), system: b.system, digest: digestBytes("x"), refusedAs: malformed}
	good, better := checkOf(issue()), checkOf(issue())
	checks = append(checks, late, replay, repeat, early, unissued, refused, good, better)
	slices.SortFunc(checks, func(x, y *check) int { return strings.Compare(x.key(), y.key()) })

	// Run twice, as after a conflict; the answers of the first attempt must not count.
	for _, fail := range []error{errors.New("to be retried"), nil} {
		err := b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
			if err := keepChecks(t.Context(), tx, checks); err != nil {
				return err
			}
			return fail
		})
		require.ErrorIs(t, err, fail)
	}
	became := map[outcome]bool{}
	for _, c := range checks {
		if c != early {
			require.NoError(t, c.failure)
			became[c.became] = true
		}
	}
	require.Equal(t, want, became)
	require.Equal(t, accepted, better.became)
	require.Equal(t, verification{id: good.id, verifiedAt: good.at}, good.verification)
	require.NotEqual(t, repeat.id, repeat.verification.id, "the verification of the first call")
	require.Equal(t, fault.Unavailable, fault.KindOf(early.failure), "a clock behind is nobody's fault, and nothing is kept of it")
	require.Equal(t, []string{"0"}, b.query(t, `select count(*)::text from token_check where id = $1`, early.id))
	require.Equal(t, []string{"7"}, b.query(t, `select count(*)::text from token_check where commit_id = (select commit_id from token_check where id = $1)`, good.id))
	for _, c := range []*check{good, better} {
		stated := about[*viewingv1.ViewingTokenVerified](t, b, c.number.String())
		require.Len(t, stated, 1)
		require.Equal(t, c.id.String(), stated[0].GetVerification())
		require.Equal(t, []string{"1 1"}, b.query(t, `select tokens || ' ' || verifications from document where edoc_num = $1`, c.number.String()))
	}
}

// Reports in one transaction are distinguished: the first, a repetition, another one, and one with an unknown verification.
func TestReportsOfOneTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reportingOn := func() *reporting {
		f, v := b.verified(t)
		given, err := reportOf(b.system, reportOn(f, v, b.Clock.Now()))
		require.NoError(t, err)
		r := &reporting{report: given, id: id.New(), at: b.Clock.Now()}
		require.NoError(t, (&checker{core: core{db: b.App}}).findVerification(t.Context(), r))
		require.Equal(t, accepted, r.judged)
		return r
	}
	keep := func(reports ...*reporting) {
		slices.SortFunc(reports, func(x, y *reporting) int { return strings.Compare(x.number.String(), y.number.String()) })
		require.NoError(t, b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error { return keepReports(t.Context(), tx, reports) }))
	}
	again, other := reportingOn(), reportingOn()
	keep(again, other)
	firstOfOther := other.readAt
	sameAgain, another, first := *again, *other, reportingOn()
	sameAgain.id, another.id = id.New(), id.New()
	another.logDigest = strings.Repeat("cd", 32)
	unknown := &reporting{report: report{number: first.number + "x", verification: id.New(), system: b.system, readAt: b.Clock.Now(), shown: first.shown},
		id: id.New(), at: b.Clock.Now(), judged: verificationUnknown}
	keep(&sameAgain, &another, first, unknown)
	require.Equal(t, []outcome{repeated, differs, accepted, verificationUnknown}, []outcome{sameAgain.became, another.became, first.became, unknown.became})
	require.Equal(t, firstOfOther, another.counts)
	require.Equal(t, []string{"4"}, b.query(t, `select count(*)::text from read_report where commit_id = (select commit_id from read_report where id = $1)`, first.id))
	require.Len(t, about[*viewingv1.DocumentRead](t, b, first.number.String()), 1)
}

package archive

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

var errDamaged = fault.New(fault.Corrupt, "content", contentv1.Reason_REASON_CONTENT_DAMAGED, "")

var errNow = fault.New(fault.Unavailable, "content", contentv1.Reason_REASON_STORAGE_UNAVAILABLE, "")

// run runs a further loop until the test ends.
func (b *bundle) run(t testing.TB, task lifecycle.Task) {
	t.Helper()
	var group lifecycle.Group
	group.Go(t.Context(), task)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), unittest.Patience)
		defer cancel()
		require.NoError(t, group.Stop(ctx))
	})
}

func submits(kind scenario.Kind) scenario.Scenario {
	return scenario.Scenario{Kind: kind, Match: scenario.Match{Method: "POST", Path: "/archive/documents"}}
}

// While the archive is away deposits wait; when it is back, all of them are made at once, whatever pause each has earned.
func TestArchiveAway(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]scenario.Scenario{
		"no answer": {Kind: scenario.Down, Forever: true}, "503": {Kind: scenario.Down, HTTPStatus: 503, Forever: true},
		"log-in refused": {Kind: scenario.Down, HTTPStatus: 401, Forever: true}, "no such address": {Kind: scenario.Down, HTTPStatus: 404, Forever: true},
		"slow": {Kind: scenario.Slow, Delay: scenario.Delay(3 * time.Second), Forever: true}, "garbage": {Kind: scenario.GarbageBody, Forever: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) {
				c.Deposits.Workers, c.Deposits.Failures, c.Archive.AnswerTimeout = 1, 3, config.Duration(time.Second)
				c.Deposits.FirstBackoff, c.Deposits.MaxBackoff = config.Duration(time.Hour), config.Duration(time.Hour)
			})
			b.misbehave(t, down)
			for range 5 {
				b.resolve(t, b.document(t, name+time.Duration(b.serial).String()), 1)
			}
			await.Require(t, unittest.Patience, func() bool { return len(b.outcomes(t)) >= 4 })
			require.True(t, b.scenarios.Delete(string(down.Kind)))
			last := b.document(t, name+" last")
			b.resolve(t, last, 1)
			require.Len(t, b.awaitDeposited(t, 6), 6)
			require.Empty(t, unittest.Facts[*archivev1.DepositFailed](t, b.Bench))
			require.Zero(t, b.Metric(t, "naru_archive_due_deposits"))
		})
	}
}

// An answer that is lost is looked up: one registration, whose certificate counts.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *Config){
		"by reference": func(*Config) {}, "by hash": func(c *Config) { c.Archive.LookUp = ByHash },
		"idempotent": func(c *Config) { c.Archive.LookUp = NoLookUp },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			b.misbehave(t, submits(scenario.AnswerLost))
			facts := b.document(t, "잃어버린 응답")
			b.resolve(t, facts, 1)
			made := b.awaitDeposited(t, 1)[0]
			require.EqualValues(t, 2, made.GetAttempt())
			require.Equal(t, []string{"no answer that can be used"}, b.outcomes(t))
			require.Equal(t, 1, b.registrations(t, facts))
			if name == "idempotent" {
				require.Equal(t, 2, b.requests.of(submitting))
			} else {
				require.Equal(t, 1, b.requests.of(submitting))
			}
			require.Empty(t, unittest.Facts[*archivev1.DepositDoubled](t, b.Bench))
		})
	}
}

// An archive that recognises nothing registers a document again whose answer was lost. The first certificate that comes counts,
// and DepositDoubled tells.
func TestDoubled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Archive.LookUp, c.Archive.Idempotent = NoLookUp, false })
	b.misbehave(t, scenario.Scenario{Kind: scenario.Forgetful, Forever: true})
	b.misbehave(t, submits(scenario.AnswerLost))
	facts := b.document(t, "두 번 등록")
	b.resolve(t, facts, 1)
	b.awaitDeposited(t, 1)
	require.Equal(t, 2, b.registrations(t, facts))
	doubled := unittest.AwaitFacts[*archivev1.DepositDoubled](t, b.Bench, 1)
	require.Len(t, doubled, 1)
	require.Empty(t, doubled[0].GetArchiveDocument(), "nobody here knows the other")
	require.InDelta(t, 1, b.Metric(t, "naru_archive_doubled_total"), 0)

	// A wrong certificate tells which registration does not count.
	b.misbehave(t, scenario.Scenario{Kind: scenario.CertificateForged})
	b.resolve(t, b.document(t, "두 번 등록, 위조"), 1)
	b.awaitDeposited(t, 2)
	doubled = unittest.AwaitFacts[*archivev1.DepositDoubled](t, b.Bench, 2)
	require.NotEmpty(t, doubled[1].GetArchiveDocument())
	require.Len(t, doubled[1].GetCertificateDigest(), 64)
}

// A result that comes after another replica has made the deposit changes nothing; where it is another registration, that is told.
func TestLateResult(t *testing.T) {
	t.Parallel()
	for name, forgetful := range map[string]bool{"recognised": false, "registered anew": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if forgetful {
				b.misbehave(t, scenario.Scenario{Kind: scenario.Forgetful, Forever: true})
			}
			facts := b.document(t, "늦은 결과")
			b.hinder(t, true)
			b.resolve(t, facts, 1)
			var slow []job
			await.Require(t, unittest.Patience, func(ctx context.Context) (err error) {
				if slow, err = claim(ctx, b.App, work.Lease{Owner: "slow", For: time.Hour, Limit: 1}); err == nil && len(slow) == 0 {
					err = errors.New("the unit's own loop just looks at it")
				}
				return err
			})
			o, err := b.service.try(t.Context(), slow[0])
			require.NoError(t, err)
			require.Equal(t, deposited, o.kind, o.detail)
			// Its lease runs out before it can write that down.
			_, err = b.Owner.Exec(t.Context(), `update deposit set lease_until = now(), uncertain = false`)
			require.NoError(t, err)
			b.hinder(t, false)
			made := b.awaitDeposited(t, 1)[0]
			o.at = b.Clock.Now()
			require.NoError(t, b.service.settle(t.Context(), slow[0], o))
			require.Len(t, b.awaitDeposited(t, 1), 1)
			require.Equal(t, "too late: registered", b.outcomes(t)[0])
			doubled := unittest.Facts[*archivev1.DepositDoubled](t, b.Bench)
			if !forgetful {
				require.Empty(t, doubled)
				return
			}
			require.Len(t, doubled, 1)
			require.Equal(t, o.receipt.document, doubled[0].GetArchiveDocument())
			require.NotEqual(t, o.receipt.document, made.GetArchiveDocument())
		})
	}
}

// A look-up that tells of two registrations takes the first, and DepositDoubled names the other.
func TestTwoRegistrationsComeToLight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.document(t, "둘 다 알려진 등록")
	b.misbehave(t, scenario.Scenario{Kind: scenario.Forgetful, Forever: true, Match: scenario.Match{Key: facts.GetDocumentHash().GetValue()}})
	var receipts []receipt
	for range 2 {
		r, err := b.service.centre.deposit(t.Context(), submission{
			number: facts.GetEdocNum(), hash: facts.GetDocumentHash().GetValue(), mediaType: "application/pdf", sender: senderAddr,
			open: func() (io.ReadCloser, error) {
				return b.service.open(t.Context(), facts.GetDocumentContent(), facts.GetDocumentHash().GetValue())
			},
		})
		require.NoError(t, err)
		receipts = append(receipts, r)
		b.Advance(t, time.Second)
	}
	b.hinder(t, true)
	b.resolve(t, facts, 1)
	_, err := b.Owner.Exec(t.Context(), `update deposit set uncertain = true`)
	require.NoError(t, err)
	b.hinder(t, false)
	require.Equal(t, receipts[0].document, b.awaitDeposited(t, 1)[0].GetArchiveDocument())
	doubled := unittest.AwaitFacts[*archivev1.DepositDoubled](t, b.Bench, 1)
	require.Equal(t, receipts[1].document, doubled[0].GetArchiveDocument())
	require.Equal(t, 2, b.requests.of(submitting))
}

// hinder keeps the unit's own loop from claiming, or lets it.
func (b *bundle) hinder(t testing.TB, on bool) {
	t.Helper()
	sql := `drop trigger hinder on deposit`
	if on {
		sql = `
			create function hinder() returns trigger language plpgsql as $$ begin
			  if new.owner is distinct from old.owner and new.owner <> 'slow' then return null; end if;
			  return new;
			end $$;
			create trigger hinder before update on deposit for each row execute function hinder()`
	}
	_, err := b.Owner.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// A process that ends between the registration and its commit leaves nothing behind that a look-up does not find.
func TestKilledBeforeTheCommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Owner.Exec(t.Context(), `alter table deposit_certificate add constraint nothing check (false) not valid`)
	require.NoError(t, err)
	facts := b.document(t, "끊긴 기록")
	b.resolve(t, facts, 1)
	await.Require(t, unittest.Patience, func() bool { return b.requests.of(submitting) == 1 })
	await.Require(t, unittest.Patience, func() bool { return strings.Contains(b.Logs.String(), "was not written down") })
	require.True(t, b.row(t, facts.GetEdocNum()).uncertain)
	_, err = b.Owner.Exec(t.Context(), `alter table deposit_certificate drop constraint nothing; update deposit set lease_until = now()`)
	require.NoError(t, err)
	b.awaitDeposited(t, 1)
	require.Equal(t, 1, b.requests.of(submitting))
	require.Equal(t, 1, b.requests.of(lookingUp))
	require.Equal(t, 1, b.registrations(t, facts))
}

// A wrong certificate is kept and told, and never states a deposit; the next attempt asks for a better one.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for kind, finding := range map[scenario.Kind]string{
		scenario.CertificateForged: "certificate: signature", scenario.CertificateExpired: "certificate: expired",
		scenario.CertificateForeignSigner: "certificate: chain", scenario.CertificateOtherDocument: "certificate: hash",
		scenario.CertificateOtherOwner: "certificate: of another depositor", scenario.CertificateBackdated: "certificate: registered before the acceptance",
	} {
		facts := b.document(t, "문서 "+string(kind))
		s := scenario.Scenario{Kind: kind, Times: 2, Match: scenario.Match{Key: facts.GetDocumentHash().GetValue()}}
		if kind == scenario.CertificateBackdated {
			s.Delay = scenario.Delay(time.Minute)
		}
		b.misbehave(t, s)
		before := len(b.awaitDeposited(t, 0))
		b.resolve(t, facts, 1)
		made := b.awaitDeposited(t, before+1)[before]
		require.EqualValues(t, 3, made.GetAttempt(), kind)
		outcomes := b.outcomes(t)
		require.Equal(t, []string{finding, finding}, outcomes[len(outcomes)-2:], kind)
		require.Equal(t, 1, b.registrations(t, facts), kind)
		var kept int
		require.NoError(t, b.App.QueryRow(t.Context(), `select count(*) from deposit_certificate where edoc_num = $1 and finding = $2`, facts.GetEdocNum(), finding).Scan(&kept))
		require.Equal(t, 2, kept, kind)
	}
}

// What the archive refuses, and what is lost here, fails for good, once.
func TestFinalFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil  func(b *bundle, upload string)
		reason string
	}{
		"refused": {func(b *bundle, _ string) {
			b.misbehave(t, scenario.Scenario{Kind: scenario.DepositRefused, Forever: true})
		}, "DEPOSIT_REFUSED"},
		"damaged": {func(b *bundle, upload string) {
			b.content.change(upload, func(one *file) { one.failure = errDamaged })
		}, "CONTENT_LOST"},
		"deleted": {func(b *bundle, upload string) {
			b.content.change(upload, func(one *file) { one.state = contentv1.UploadState_UPLOAD_STATE_DELETED })
		}, "CONTENT_LOST"},
		"other bytes": {func(b *bundle, upload string) {
			other := b.content.files[b.content.add([]byte("other"))].bytes
			b.content.change(upload, func(one *file) { one.bytes = other })
		}, "CONTENT_LOST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			facts := b.document(t, "문서 "+name)
			tc.spoil(b, facts.GetDocumentContent())
			b.resolve(t, facts, 1)
			failures := unittest.AwaitFacts[*archivev1.DepositFailed](t, b.Bench, 1)
			require.Equal(t, tc.reason, failures[0].GetReason())
			require.Equal(t, facts.GetEdocNum(), failures[0].GetFacts().GetEdocNum())
			ended := b.row(t, facts.GetEdocNum())
			require.Equal(t, "FAILED", ended.state)
			require.Equal(t, tc.reason, ended.reason)
			require.Equal(t, 1, ended.attempt)
			b.resolve(t, facts, 2)
			require.Len(t, unittest.Facts[*archivev1.DepositFailed](t, b.Bench), 1)
			require.Zero(t, b.registrations(t, facts))
		})
	}
}

// An attachment that is lost fails the document, too.
func TestAttachmentLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	facts := b.document(t, "문서", "별지")
	b.content.change(facts.GetAttachmentContents()[0], func(one *file) { one.hash = hashOf([]byte("other")) })
	b.resolve(t, facts, 1)
	require.Equal(t, "CONTENT_LOST", unittest.AwaitFacts[*archivev1.DepositFailed](t, b.Bench, 1)[0].GetReason())
	require.Zero(t, b.requests.of(submitting))
}

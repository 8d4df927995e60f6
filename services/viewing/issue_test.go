package viewing

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// A recipient gets tokens with the claims that the contract lists, each with the next number.
func TestIssue(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient, func(f *platformv1.DocumentFacts) { f.Lane = platformv1.Lane_LANE_BULK })
	now := b.Clock.Now()
	first, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, now.Truncate(time.Second).Add(10*time.Minute), first.GetExpiresAt().AsTime())
	require.Equal(t, "https://viewer.example/view/7?lang=ko&token="+first.GetToken()+"#page=2", first.GetUrl())

	read, err := viewingtoken.Parse(first.GetToken())
	require.NoError(t, err)
	signer, err := b.Env.Keys.Signer(t.Context(), "viewing-token")
	require.NoError(t, err)
	require.Equal(t, signer.KeyID(), read.KeyID)
	require.Equal(t, viewingtoken.Claims{
		Platform: unittest.Platform, Address: "k7w2-ferry", EdocNum: read.Claims.EdocNum, Audience: b.system, ID: read.Claims.ID,
		DocumentHash: viewingtoken.Hash{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)},
		IssuedAt:     now.Truncate(time.Second), ExpiresAt: now.Truncate(time.Second).Add(10 * time.Minute),
	}, read.Claims)
	require.Equal(t, f.GetEdocNum(), read.Claims.EdocNum.String())

	second, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	require.NotEqual(t, first.GetToken(), second.GetToken())

	stated := b.Stated(t, &viewingv1.ViewingTokenIssued{})
	require.Len(t, stated, 2)
	for i, e := range stated {
		require.Equal(t, uint32(i+1), e.GetOrdinal())
		require.Equal(t, f.GetEdocNum(), e.GetSubject())
		require.Equal(t, b.sender, e.GetSender())
		require.Equal(t, recipient, e.GetActor())
	}
	message := unittest.Facts[*viewingv1.ViewingTokenIssued](t, b.Bench)[0]
	require.Equal(t, recipient, message.GetRecipient())
	require.Equal(t, platformv1.Lane_LANE_BULK, message.GetLane())
	require.Equal(t, now, message.GetIssuedAt().AsTime())

	require.Equal(t, read.Claims.ID.String(), message.GetJti())
	require.NotEmpty(t, message.GetSession())
	require.Len(t, message.GetTokenDigest(), 64)
	commit := b.query(t, `select commit_id::text from viewing_token where jti = $1`, read.Claims.ID)
	require.Len(t, commit, 1)
	require.NoError(t, journal.Find(t.Context(), b.App, "viewing", uuid.MustParse(commit[0]), f.GetEdocNum(), &viewingv1.ViewingTokenIssued{}))
	require.Equal(t, []string{deliveryCommit.String()}, b.query(t, `select received_commit_id::text from document where edoc_num = $1`, f.GetEdocNum()))
	b.requireNowhere(t, first.GetToken(), second.GetToken(), canaryName)
}

// A document gets so many tokens in an hour and no more, also when they are asked for at once; others are not touched by it.
func TestTokensOfADocumentAreBounded(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t, unittest.Config(func(c *Config) {
		identityAt(c, "http://127.0.0.1:9")
		c.Tokens.PerHour = 3
	})), unittest.NewID()
	f, other := b.receive(t, recipient), b.receive(t, recipient)
	_, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, 20*time.Minute)
	answers := make(chan error, 5)
	for range 5 {
		go func() {
			_, err := b.issue(t, recipient, f.GetEdocNum())
			answers <- err
		}()
	}
	issued := 0
	for range 5 {
		err := <-answers
		if err == nil {
			issued++
			continue
		}
		require.Equal(t, "TOO_MANY_TOKENS", fault.ReasonOf(err))
		require.Equal(t, fault.Exhausted, fault.KindOf(err))
		require.Equal(t, 40*time.Minute, fault.As(err).RetryAfter)
	}
	require.Equal(t, 2, issued)
	require.Len(t, b.Stated(t, &viewingv1.ViewingTokenIssued{}), 3)
	_, err = b.issue(t, recipient, other.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, 40*time.Minute)
	_, err = b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
}

// The keys of sessions, tokens and extracts are published, and are different.
func TestKeysPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer, err := platformv1.NewKeyServiceClient(b.Unit(t, "gateway")).GetKeySet(t.Context(), &platformv1.GetKeySetRequest{})
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, name := range Unit.Signers {
		signer, err := b.Env.Keys.Signer(t.Context(), name)
		require.NoError(t, err)
		published, err := authn.ParseKeySet([]byte(answer.GetJwks()), name)
		require.NoError(t, err)
		require.Equal(t, []string{signer.KeyID()}, slices.Collect(maps.Keys(published)), "each says what it is for")
		ids[signer.KeyID()] = true
	}
	require.Len(t, ids, 3)
	require.Equal(t, []string{keys.AccessToken, keys.ViewingToken, keys.ViewingLog}, Unit.Signers)
}

func TestIssueRefused(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	mine := b.receive(t, recipient)
	over := b.receive(t, recipient, func(f *platformv1.DocumentFacts) {
		f.ViewingDeadline = timestamppb.New(b.Clock.Now().Truncate(time.Second))
	})
	cancelled := b.receive(t, recipient)
	b.cancel(t, cancelled.GetEdocNum()) // before its first token
	ahead := b.receive(t, recipient, func(f *platformv1.DocumentFacts) { f.ReceivedAt = timestamppb.New(b.Clock.Now().Add(time.Second)) })
	for _, test := range []struct {
		name, recipient, number string
		kind                    fault.Kind
		reason                  viewingv1.Reason
	}{
		{"somebody else's", unittest.NewID(), mine.GetEdocNum(), fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND},
		{"nobody's", recipient, "20260302_NARU000001_0000000000042", fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND},
		{"no number", recipient, "20269999_NARU000001_0000000000042", fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND},
		{"after the viewing deadline", recipient, over.GetEdocNum(), fault.Conflict, viewingv1.Reason_REASON_VIEWING_DEADLINE_PASSED},
		{"somebody else's after the deadline", unittest.NewID(), over.GetEdocNum(), fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND},
		{"cancelled", recipient, cancelled.GetEdocNum(), fault.Conflict, viewingv1.Reason_REASON_DOCUMENT_CANCELLED},
	} {
		_, err := b.issue(t, test.recipient, test.number)
		require.Error(t, err, test.name)
		requireReason(t, err, test.kind, test.reason)
	}
	_, err := b.issue(t, recipient, ahead.GetEdocNum())
	require.ErrorIs(t, err, fault.Unavailable, "a time before the receipt is never stamped")
	_, err = viewingv1.NewViewingTokenServiceClient(b.ViewingSystem(t, b.system)).
		IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: mine.GetEdocNum()})
	require.ErrorIs(t, err, fault.Denied, "viewing systems get no tokens")
	require.Empty(t, unittest.Facts[*viewingv1.ViewingTokenIssued](t, b.Bench))
}

// A token never expires after the viewing deadline.
func TestIssueCappedByDeadline(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	deadline := b.Clock.Now().Truncate(time.Second).Add(90 * time.Second)
	f := b.receive(t, recipient, func(f *platformv1.DocumentFacts) {
		f.ViewingDeadline = timestamppb.New(deadline.Add(700 * time.Millisecond))
	})
	issued, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, deadline, issued.GetExpiresAt().AsTime())
	b.Advance(t, deadline.Sub(b.Clock.Now()))
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_EXPIRED)
}

// A document has no row here until its recipient asks for a token. Then delivery is asked once, and its answer is stored.
func TestIssueAsksDelivery(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	_, err := b.issue(t, unittest.NewID(), f.GetEdocNum())
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND)
	require.Empty(t, b.query(t, `select edoc_num from document`), "a stranger's question leaves nothing")
	asked := b.delivery.asked.Load()
	first, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)

	// Later answers of delivery, or their absence, change nothing.
	b.delivery.knows(f.GetEdocNum(), b.facts(t, unittest.NewID(), func(other *platformv1.DocumentFacts) { other.EdocNum = f.GetEdocNum() }))
	b.delivery.fails(fault.New(fault.Unavailable, "delivery", nil, ""), false)
	second, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, asked+1, b.delivery.asked.Load())
	require.Equal(t, []string{"2"}, b.query(t, `select tokens::text from document where recipient = $1`, recipient))
	for _, issued := range []string{first.GetToken(), second.GetToken()} {
		_, err = b.verify(t, b.system, issued, "r-1")
		require.NoError(t, err, "nor does delivery matter to verifications")
	}

	b.cancel(t, f.GetEdocNum())
	_, err = b.issue(t, recipient, f.GetEdocNum())
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_DOCUMENT_CANCELLED)
}

// First tokens requested at the same time belong to one document.
func TestFirstTokensAtOnce(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	errs := make([]error, 8)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = b.issue(t, recipient, f.GetEdocNum()) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"8"}, b.query(t, `select tokens::text from document`))
	require.Len(t, b.Stated(t, &viewingv1.ViewingTokenIssued{}), 8)
}

// While delivery is away, a document without a token is not reported as unknown: the recipient is told to try again.
func TestIssueWithoutDelivery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		hang bool
	}{
		{"away", fault.New(fault.Unavailable, "delivery", nil, ""), false},
		{"not allowed", fault.New(fault.Denied, "delivery", nil, "delivery's own words"), false},
		{"broken", fault.New(fault.Internal, "delivery", nil, ""), false},
		{"without an answer", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, recipient := setup(t, unittest.Config(func(c *Config) {
				identityAt(c, "http://127.0.0.1:9")
				if test.hang {
					c.Lookup.Timeout = config.Duration(500 * time.Millisecond)
				}
			})), unittest.NewID()
			f := b.receive(t, recipient)
			b.delivery.fails(test.err, test.hang)
			_, err := b.issue(t, recipient, f.GetEdocNum())
			require.ErrorIs(t, err, fault.Unavailable, "not found would be wrong")
			require.Equal(t, http.StatusServiceUnavailable, fault.ProblemOf(err, "").Status)
			require.NotContains(t, err.Error(), "own words")
			b.delivery.fails(nil, false)
			_, err = b.issue(t, recipient, f.GetEdocNum())
			require.NoError(t, err)
		})
	}
}

// Facts that do not describe a viewable document leave no row. For a document type that a newer version may know, the recipient
// is told to try again. Ownership is checked before anything else.
func TestIssueOnFactsThatDoNotDo(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	for _, test := range []struct {
		name   string
		change func(f *platformv1.DocumentFacts)
		kind   fault.Kind
	}{
		{"incomplete", func(f *platformv1.DocumentFacts) { f.ViewingUrl = "" }, fault.Internal},
		{"without an identifier", func(f *platformv1.DocumentFacts) { f.SealedViewingIdentifier = nil }, fault.Internal},
		{"of a viewing mode not known yet", func(f *platformv1.DocumentFacts) { f.ViewingMode = 9 }, fault.Unavailable},
	} {
		f := b.receive(t, recipient, test.change)
		_, err := b.issue(t, recipient, f.GetEdocNum())
		require.ErrorIs(t, err, test.kind, test.name)
		_, err = b.issue(t, unittest.NewID(), f.GetEdocNum())
		requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND)
	}
	asked := b.facts(t, recipient)
	b.delivery.knows(asked.GetEdocNum(), b.facts(t, recipient))
	_, err := b.issue(t, recipient, asked.GetEdocNum())
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND)
	require.Empty(t, b.query(t, `select edoc_num from document`), "an answer about another number is none")
}

// The answer does not reveal whether a number belongs to somebody else or to nobody, not even while delivery is away or after the
// document was viewed.
func TestForeignLooksLikeUnknown(t *testing.T) {
	t.Parallel()
	b, stranger, owner := setup(t), unittest.NewID(), unittest.NewID()
	viewed, received, unknown := b.receive(t, owner), b.receive(t, owner), b.facts(t, owner)
	_, err := b.issue(t, owner, viewed.GetEdocNum())
	require.NoError(t, err)
	for _, away := range []error{nil, fault.New(fault.Unavailable, "delivery", nil, "")} {
		b.delivery.fails(away, false)
		told := func(number string) []any {
			asked := b.delivery.asked.Load()
			_, err := b.issue(t, stranger, number)
			require.Error(t, err)
			return []any{fault.KindOf(err), fault.ReasonOf(err), b.delivery.asked.Load() - asked}
		}
		want := told(unknown.GetEdocNum())
		require.Equal(t, want, told(viewed.GetEdocNum()), "the same answer for the same questions to delivery")
		require.Equal(t, want, told(received.GetEdocNum()))
	}
}

func TestWithToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, url, want string }{
		{"plain", "https://v.example/a", "https://v.example/a?token=t.t.t"},
		{"query", "https://v.example/a?b=c", "https://v.example/a?b=c&token=t.t.t"},
		{"query that is escaped stays so", "https://v.example/%ea%b0%80?b=%26&c=+", "https://v.example/%ea%b0%80?b=%26&c=+&token=t.t.t"},
		{"empty query", "https://v.example/a?", "https://v.example/a?token=t.t.t"},
		{"open query", "https://v.example/a?b=c&", "https://v.example/a?b=c&token=t.t.t"},
		{"fragment", "https://v.example/a#b?c", "https://v.example/a?token=t.t.t#b?c"},
		{"query and fragment", "https://v.example/a?b=c#d", "https://v.example/a?b=c&token=t.t.t#d"},
		{"empty fragment", "https://v.example/a#", "https://v.example/a?token=t.t.t#"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := withToken(test.url, "t.t.t")
			require.Equal(t, test.want, got)
			u, err := url.Parse(got)
			require.NoError(t, err)
			require.Equal(t, []string{"t.t.t"}, u.Query()["token"])
		})
	}
}

// Tokens signed with an earlier key are still valid; a key that another replica created is found.
func TestRotation(t *testing.T) {
	t.Parallel()
	b, recipient := setup(t), unittest.NewID()
	f := b.receive(t, recipient)
	old, err := b.issue(t, recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.verifiedAgain(t, f) // from here on the unit knows today's keys
	_, err = b.Env.Keys.Rotate(t.Context(), "viewing-token")
	require.NoError(t, err)
	b.Advance(t, 2*time.Second)

	replica := b.replica(t)
	fresh, err := replica.issuer.IssueViewingToken(as(t.Context(), platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, recipient),
		&viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	before, err := viewingtoken.Parse(old.GetToken())
	require.NoError(t, err)
	after, err := viewingtoken.Parse(fresh.GetToken())
	require.NoError(t, err)
	require.NotEqual(t, before.KeyID, after.KeyID)
	for requestID, compact := range map[string]string{"r-old": old.GetToken(), "r-new": fresh.GetToken()} {
		_, err = b.verify(t, b.system, compact, requestID)
		require.NoError(t, err, requestID)
	}
}

var _ publicKeys = (*keys.Store)(nil)

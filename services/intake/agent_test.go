package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const canary = "가나리아"

// An agent sends what an institution has signed, and nothing before that. The facts name sender, actor and authorisation; the
// receipt is the sender's; nothing personal stands in the tables in clear.
func TestAgentSendsWhatAnInstitutionSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a := w.agent(t)
	item := w.item(t, "own-1", func(i *intakev1.SendItem) {
		i.Title = canary + " 안내"
		i.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: canary, BirthDate: "1990-01-01", Phone: "010-1234-5678"}}
	})
	asked := a.ask(t, senderAddressText, "request-1", item)
	require.Equal(t, waiting, asked.GetState())
	require.Equal(t, []string{a.id, agentName, w.sender}, []string{asked.GetAgent(), asked.GetAgentName(), asked.GetSender()})
	require.EqualValues(t, 1, asked.GetItems())
	require.Equal(t, w.Clock.Now().Add(24*time.Hour), asked.GetExpiresAt().AsTime())
	require.Nil(t, asked.GetDecidedAt())
	salt, err := hex.DecodeString(asked.GetSalt())
	require.NoError(t, err)
	formed := under(item, nil)
	formed.Recipient.Person.BirthDate, formed.Recipient.Person.Phone = "19900101", "01012345678"
	require.Equal(t, authorisation.Of(salt, authorisation.OfItem(formed)).String(), asked.GetDigest(), "whoever knows the items computes it")

	_, err = a.send(t, item, asked)
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(err), "not given yet")
	w.Advance(t, time.Minute)
	require.Equal(t, given, a.sign(t, asked, key).GetState())
	accepted, err := a.send(t, item, asked)
	require.NoError(t, err)
	require.Equal(t, w.sender, w.verifyReceipt(t, accepted.GetReceipt()).Sender)

	facts := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 1)
	require.Equal(t, []string{w.sender, a.id, asked.GetId()},
		[]string{facts[0].GetFacts().GetSender(), facts[0].GetFacts().GetActor(), facts[0].GetFacts().GetAuthorisation()})
	require.Equal(t, "client-of-"+a.id, facts[0].GetAuthentication().GetClient())
	event := w.Stated(t, facts[0])[0]
	require.Equal(t, []string{w.sender, a.id}, []string{event.GetSender(), event.GetActor()})
	gave := unittest.Facts[*intakev1.AuthorisationGiven](t, w.Bench)
	require.Len(t, gave, 1)
	require.Equal(t, []string{key.KeyID(), "", w.sender}, []string{gave[0].GetKeyId(), gave[0].GetSession(), gave[0].GetSender()})
	require.Equal(t, asked.GetDigest(), hex.EncodeToString(gave[0].GetDigest()))
	require.NotEmpty(t, gave[0].GetSignature())
	require.Equal(t, a.id, w.Stated(t, gave[0])[0].GetActor(), "who brought it")

	// The same item again has the first receipt, also when the authorisation has ended since; another one under its key does not,
	// and the agent does not learn whose the number is.
	a.revoke(t, asked)
	again, err := a.send(t, item, asked)
	require.NoError(t, err)
	require.True(t, again.GetDuplicate())
	require.Equal(t, accepted.GetReceipt(), again.GetReceipt())
	other := w.item(t, "own-1")
	_, err = a.send(t, other, a.signed(t, key, other))
	require.Equal(t, "OWN_KEY_CONFLICT", fault.ReasonOf(err))
	require.Empty(t, fault.As(err).Metadata[existingKey])

	w.unseen(t, canary, "12345678", "19900101")
	w.audited(t)
}

// unseen checks that no table and no log has a text in clear.
func (w *world) unseen(t *testing.T, texts ...string) {
	t.Helper()
	for _, table := range []string{"authorisation", "authorisation_content", "document", "own_key", "journal"} {
		for _, text := range texts {
			rows, err := w.Owner.Query(t.Context(), `select t::text from `+table+` t
				where t::text like '%' || $1 || '%' or t::text like '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%'`, text)
			require.NoError(t, err)
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			require.Empty(t, found, "%s in %s", text, table)
			require.NotContains(t, w.Logs.String(), text)
		}
	}
}

// audited checks that the authorisations follow from the facts.
func (w *world) audited(t *testing.T) {
	t.Helper()
	var tables []audit.Table
	for _, table := range follows() {
		if table.Name == "authorisation" {
			tables = append(tables, table)
		}
	}
	require.Len(t, tables, 1)
	report, err := audit.Run(t.Context(), w.Owner, []audit.Unit{{Name: domain, Tables: tables}}, time.Time{})
	require.NoError(t, err)
	require.NotZero(t, report.Rows)
	for _, violation := range report.Violations {
		require.Equal(t, audit.ConsumedUnknown, violation.Code, violation) // no other unit's journal is here
	}
}

// An agent's item is refused unless the sender of the authorisation gave it to this agent for this very item, and it is in force.
func TestWhatIsNotAuthorised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a, stranger := w.agent(t), w.agent(t)
	item := w.item(t, "own-1")
	good := a.signed(t, key, item)
	refused := func(name, reason string, by *agent, sent *intakev1.SendItem, of *intakev1.Authorisation) {
		t.Helper()
		_, err := by.send(t, sent, of)
		require.Equal(t, reason, fault.ReasonOf(err), name)
		require.Contains(t, fieldsOf(fault.As(err).Violations), "item.authorisation", name)
	}
	for name, change := range map[string]func(*intakev1.SendItem){
		"title":   func(i *intakev1.SendItem) { i.Title += "." },
		"own key": func(i *intakev1.SendItem) { i.OwnKey = "own-2" },
		"recipient": func(i *intakev1.SendItem) {
			i.Recipient = &platformv1.RecipientIdentifier{BusinessNumber: ptr("0001234560")}
		},
		"url":     func(i *intakev1.SendItem) { i.Viewing.Url += "&more=1" },
		"contact": func(i *intakev1.SendItem) { i.Contact = &platformv1.Contact{Phone: "01000000000"} },
		"circulation": func(i *intakev1.SendItem) {
			i.WithoutCirculation = true
		},
		"document": func(i *intakev1.SendItem) {
			i.DocumentHash.Value = randomHash()
			i.RegistrationCertificate = w.archive.issue(t, i.DocumentHash.GetValue())
		},
	} {
		changed := under(item, nil)
		change(changed)
		refused(name, "DIGEST_DIFFERS", a, changed, good)
	}
	refused("none", "AUTHORISATION_MISSING", a, item, nil)
	refused("another agent's", "AUTHORISATION_NOT_FOUND", stranger, item, good)
	refused("one that does not exist", "AUTHORISATION_NOT_FOUND", a, item, &intakev1.Authorisation{Id: unittest.NewID()})
	refused("of another batch", "DIGEST_DIFFERS", a, item, a.signed(t, key, w.item(t, "own-3"), w.item(t, "own-4")))
	withdrawn := a.signed(t, key, item)
	a.revoke(t, withdrawn)
	refused("revoked", "AUTHORISATION_MISSING", a, item, withdrawn)

	// With broken rules everything is told at once.
	broken := under(item, nil)
	broken.OwnKey, broken.Title = "a b", ""
	_, err := a.send(t, broken, nil)
	require.Equal(t, "INVALID_ITEM", fault.ReasonOf(err))
	require.Equal(t, "item.ownKey item.title item.authorisation", fieldsOf(fault.As(err).Violations))

	// Who sends for itself names none.
	refusal := w.refused(t, under(item, good))
	require.Equal(t, "INVALID_ITEM", refusal.Reason)
	require.Equal(t, "item.authorisation", fieldsOf(refusal.Violations))

	// Own keys that were never authorised are not looked at.
	w.send(t, w.item(t, "own-1"))
	refused("a known key", "AUTHORISATION_MISSING", a, w.item(t, "own-1"), nil)
	_, err = a.send(t, item, good)
	require.Equal(t, "OWN_KEY_CONFLICT", fault.ReasonOf(err))

	last, late := w.item(t, "own-5"), w.item(t, "own-6")
	ends := a.signed(t, key, last, late)
	w.Advance(t, 24*time.Hour-time.Microsecond)
	a.login(t)
	_, err = a.send(t, last, ends)
	require.NoError(t, err)
	w.Advance(t, time.Microsecond)
	refused("expired", "AUTHORISATION_MISSING", a, late, ends)
	require.Equal(t, 2, w.count(t, "document"))
}

func ptr(s string) *string { return &s }

// The sender's rules apply: its address, its viewing systems and its suspension.
func TestTheSendersRulesApplyToItsAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a := w.agent(t)
	foreign := w.item(t, "own-1", func(i *intakev1.SendItem) { i.Viewing.ViewingSystem = unittest.NewID() })
	_, err := a.send(t, foreign, a.signed(t, key, foreign))
	require.Equal(t, "VIEWING_SYSTEM_FOREIGN", fault.ReasonOf(err))
	first, second := w.item(t, "own-2"), w.item(t, "own-3")
	both := a.signed(t, key, first, second)
	_, err = a.send(t, first, both)
	require.NoError(t, err)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(3, &gatewayv1.PrincipalChanged{
		Id: w.sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: senderAddressText, Suspended: true,
	}))
	w.Advance(t, time.Second)
	_, err = a.send(t, second, both)
	require.Equal(t, "SENDER_SUSPENDED", fault.ReasonOf(err))
}

// One batch holds items of several senders, each judged by its own sender; what is wrong with one hinders no other.
func TestBatchOfSeveralSenders(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a := w.agent(t)
	member := w.member(t, "member@x")
	later := w.archive.at.Add(48 * time.Hour)
	one, two := w.item(t, "own-1"), w.handing(t, "own-1", content.upload(a.id, later).GetId())
	three, four := w.handing(t, "own-2", content.upload(member, later).GetId()), w.handing(t, "own-3", content.upload(unittest.NewID(), later).GetId())
	ofInstitution, ofMember := a.signed(t, key, one), a.ask(t, "MEMBER@x", "r-1", two, three, four)
	_, err := intakev1.NewAuthorisationServiceClient(w.Recipient(t, member)).ApproveAuthorisation(t.Context(), &intakev1.ApproveAuthorisationRequest{
		Id: ofMember.GetId(), Digest: ofMember.GetDigest(),
	})
	require.NoError(t, err)
	resp, err := a.sends.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{
		under(two, ofMember), under(one, ofInstitution), one, under(one, ofMember), under(three, ofMember), under(four, ofMember),
	}})
	require.NoError(t, err)
	var outcomes []string
	for i, o := range resp.GetOutcomes() {
		require.EqualValues(t, i, o.GetIndex())
		if o.GetAccepted() != nil {
			outcomes = append(outcomes, w.verifyReceipt(t, o.GetAccepted().GetReceipt()).Sender)
			continue
		}
		outcomes = append(outcomes, o.GetRefused().GetReason())
	}
	require.Equal(t, []string{member, w.sender, "AUTHORISATION_MISSING", "DIGEST_DIFFERS", member, "CONTENT_NOT_READY"}, outcomes)
	for _, facts := range unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 3) {
		require.Equal(t, a.id, facts.GetFacts().GetActor())
	}
}

// An agent stops the documents that it sent, and no others of the same sender.
func TestAgentCancelsWhatItSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a, stranger := w.agent(t), w.agent(t)
	item := w.item(t, "own-1")
	sent, err := a.send(t, item, a.signed(t, key, item))
	require.NoError(t, err)
	own := w.send(t, w.item(t, "own-2"))
	cancel := func(by *agent, number string) error {
		_, err := by.sends.Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
		return err
	}
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(cancel(a, own.GetEdocNum())), "the sender sent it itself")
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(cancel(stranger, sent.GetEdocNum())))
	require.NoError(t, cancel(a, sent.GetEdocNum()))
	event := w.Stated(t, &intakev1.CancelRequested{})
	require.Len(t, event, 1)
	require.Equal(t, []string{w.sender, a.id}, []string{event[0].GetSender(), event[0].GetActor()})
}

// A revocation that commits while a send waits for its group counts: the send is refused, and nothing of it is kept.
func TestRevokedWhileTheCommitWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a := w.agent(t)
	item := w.item(t, "own-1")
	of := a.signed(t, key, item)
	outcome := make(chan error, 1)
	require.NoError(t, pg.InTx(t.Context(), w.Owner, func(tx *pg.Tx) error {
		if err := pg.Exec(t.Context(), tx, "revoke", `update authorisation set ended_at = $2, ended_as = 2 where id = $1`, of.GetId(), w.Clock.Now()); err != nil {
			return err
		}
		go func() {
			_, err := a.sends.Send(t.Context(), &intakev1.SendRequest{Item: under(item, of)})
			outcome <- err
		}()
		await.Require(t, unittest.Patience, func(ctx context.Context) error {
			waits, err := pg.Value[int](ctx, w.App, "count who waits", `
				select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%for share%'`)
			if err == nil && waits == 0 {
				err = fmt.Errorf("nobody waits for the authorisation")
			}
			return err
		})
		return nil
	}))
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(<-outcome))
	require.Zero(t, w.count(t, "document"))
	require.Zero(t, w.count(t, "own_key"))
}

// In one group, rows whose authorisation has ended are refused alone, and the others have their answers in their places.
func TestGroupWithEndedAuthorisations(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	tenant, at := uuid.New(), b.at
	id := uuid.Must(uuid.NewV7())
	sum := sha256.Sum256(nil)
	_, err := b.db.App.Exec(t.Context(), `
		insert into authorisation (id, agent, sender, sender_kind, request_id, fingerprint, digest, items, asked_at, expires_at, purpose, commit_id)
		values ($1, $2, $2, 1, 'r', $3, $3, array[$3::bytea], $4, $4, 1, $1)`, id, tenant, sum[:], at)
	require.NoError(t, err)
	var rows []*row
	for i := range 6 {
		r := b.row(t, tenant, fmt.Sprint("own-", i/2), fmt.Sprint("content-", i/2), platformv1.Lane_LANE_EXPRESS)
		r.authorisation = []uuid.UUID{uuid.New(), id, uuid.Nil}[i%3]
		rows = append(rows, r)
	}
	answers, err := b.try(t.Context(), rows)
	require.NoError(t, err)
	var outcomes []outcome
	for _, a := range answers {
		outcomes = append(outcomes, a.outcome)
	}
	require.Equal(t, []outcome{outcomeFailed, outcomeNew, outcomeNew, outcomeFailed, outcomeNew, outcomeSame}, outcomes)
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(answers[0].err))
	require.Equal(t, string(rows[4].number), answers[5].existing.number)
}

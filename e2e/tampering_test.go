package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/cli"
	"github.com/naru-relay/naru/services/registry"
)

// whole is a copied relay without work in progress, with one document of each model that went the whole way.
type whole struct {
	*harness.Copies
	// document was sent with a viewing URL; handed was handed over, and the relay deposited it.
	document, handed string
	// unread is a dump of viewing's schema from before the document was read.
	unread string
	// mirror is one of the public logs from before the copy, with a time stamp of the gateway's log that is smaller than the log.
	mirror mirrored
}

// wholeRelay makes one. Tests that call it are not parallel, so no other journey runs and no work is in progress.
func wholeRelay(t *testing.T) *whole {
	t.Helper()
	if stack.Mode != harness.InProcess {
		t.Skip("what is changed are tables and dumps, which are the same however the units run (E2E_MODE=inproc)")
	}
	// A frame of a log's first checkpoint has no look before it by which its time could be judged.
	for _, u := range registry.Units() {
		await.Require(t, harness.Patience, func() bool { return stack.Count(t, `select count(*) from `+u.Name+`.log_checkpoint`) > 0 })
	}
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	handed := institution.HandedOver(t, recipient.ByCI())
	institution.Send(t, handed)
	institution.AwaitState(t, handed.EdocNum, "RECEIVED")
	awaitLogged(t)
	unread := stack.Dump(t, "naru", "--format=custom", "--schema=viewing")
	shown, body := stack.Open(t, recipient.ViewingToken(t, document.EdocNum).URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() && s.ReadTimeRegistered() })
	certificateOf(t, institution, document, "시험")
	awaitLogged(t)
	// The hub's second checkpoint must not be its newest. How many facts one checkpoint covers varies, so make documents until
	// there are three.
	for stack.Count(t, `select count(*) from hub.log_checkpoint`) < 3 {
		certificateOf(t, institution, document, "시험")
		awaitLogged(t)
	}
	m := newMirror(t)
	await.Require(t, harness.Patience, func() bool { return m.update(t)["gateway"].StampedSize > 0 })
	// Make the gateway's newest checkpoints cover only facts from which nothing follows.
	for range 3 {
		before := stack.Count(t, `select count(*) from gateway.log_checkpoint`)
		_, err := gatewayv1.NewTokenServiceClient(stack.GRPC).IssueToken(t.Context(), &gatewayv1.IssueTokenRequest{ClientId: institution.Credentials.ClientID, ClientSecret: "guessed"})
		require.Error(t, err)
		await.Require(t, harness.Patience, func() bool { return stack.Count(t, `select count(*) from gateway.log_checkpoint`) > before })
	}
	awaitLogged(t)
	await.Require(t, harness.Patience, func() bool { return len(stack.Differences(t.Context(), t)) == 0 })
	m.update(t)
	return &whole{Copies: stack.Copied(t), document: document.EdocNum, handed: handed.EdocNum, unread: unread, mirror: m}
}

// awaitLogged waits until every frame has its leaf, because a frame without one would be overdue in the copy.
func awaitLogged(t *testing.T) {
	t.Helper()
	for _, u := range registry.Units() {
		await.Require(t, harness.Patience, func() bool {
			return stack.Count(t, `select count(*) from `+u.Name+`.journal_mark where leaf is null`) == 0
		})
	}
}

// tampering changes a relay's records with rights that no unit has. It lists everything that naru audit must report.
type tampering struct {
	name string
	do   func(t *testing.T, w *whole, c *harness.Copy)
	told []string
}

// sql tampers with statements; {doc} and {handed} in them stand for the numbers of the two documents.
func sql(statements string) func(t *testing.T, w *whole, c *harness.Copy) {
	return func(t *testing.T, w *whole, c *harness.Copy) {
		t.Helper()
		c.Tamper(t, strings.NewReplacer("{doc}", w.document, "{handed}", w.handed).Replace(statements))
	}
}

// later moves a time of a row by days.
func later(table, column, where string) func(t *testing.T, w *whole, c *harness.Copy) {
	return sql(`update ` + table + ` set ` + column + ` = ` + column + ` + interval '3 days' where ` + where)
}

const (
	theDocument = `edoc_num = '{doc}'`
	// aFrame selects a frame from which nothing else follows.
	aFrame = `frame_id = (select min(frame_id::text)::uuid from status.journal where kind = 'naru.platform.v1.ClockMeasured')`
	// another is an id near an existing one that no frame has.
	another = `overlay(frame_id::text placing 'fffffffffff' from 26)::uuid`
	columns = `kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body`
)

// ofRows returns tamperings with state rows, with consumed frames and with the outside world.
func ofRows() []tampering {
	return []tampering{
		{"a state row changed: intake", later("intake.document", "accepted_at", theDocument), []string{"intake row_differs"}},
		{"a state row changed: address", later("address.open_document", "send_deadline", theDocument), []string{"address row_differs"}},
		{"a state row changed: delivery", later("delivery.delivery", "viewing_deadline", theDocument), []string{"delivery row_differs"}},
		{"a state row changed: viewing", later("viewing.read_time", "reported_at", theDocument), []string{"viewing row_differs"}},
		{"a state row changed: circulation", later("circulation.circulation_record", "registration_acknowledged_at", theDocument), []string{"circulation row_differs"}},
		{"a state row changed: status", later("status.document_summary", "accepted_at", theDocument), []string{"status row_differs"}},
		{"a state row changed: certificate", later("certificate.certificate_request", "requested_at", theDocument), []string{"certificate row_differs"}},
		{"a state row changed: content", later("content.upload", "received_at", `id in (select upload from content.content_use where edoc_num = '{handed}')`), []string{"content row_differs"}},
		{"a state row changed: archive", later("archive.deposit", "deposited_at", `edoc_num = '{handed}'`), []string{"archive row_differs"}},
		{"a state row changed: hub", later("hub.exchange_response", "answered_at", `(exchange, attempt) = (select exchange, attempt from hub.exchange_response where attempt = 1 limit 1)`),
			[]string{"hub row_differs"}},
		{"a state row changed: gateway", later("gateway.client", "created_at", `id = (select id from gateway.client limit 1)`), []string{"gateway row_differs"}},
		{"a state row that names another frame", sql(`update status.document_summary set frame_id = ` + another + ` where ` + theDocument), []string{"status row_differs"}},
		{"a state row deleted", sql(`delete from viewing.read_time where ` + theDocument), []string{"viewing row_missing"}},
		{"a state row inserted", sql(`insert into gateway.principal (id, kind, name, suspended, version, created_at, commit_id)
			select gen_random_uuid(), kind, name, suspended, version, created_at, commit_id from gateway.principal where kind = 'sender' limit 1`), []string{"gateway row_unfounded"}},
		{"a viewing system bound to other hosts", sql(`update intake.principal set hosts = '{evil.example}' where kind = 3`), []string{"intake row_differs"}},
		{"archive memberships exchanged", sql(`update intake.archive_membership set sealed = overlay(sealed placing '\x00' from octet_length(sealed))`), []string{"intake row_differs"}},
		{"a consumed frame made up", sql(`insert into status.consumed_frame select ` + another + `, consumer, consumed_at from status.consumed_frame limit 1`),
			[]string{"status consumed_unknown"}},
		{"a consumed frame's id deleted, the frame made an hour older", sql(`
			create temp table one as select frame_id from delivery.journal where kind = 'naru.delivery.v1.DocumentReceived' order by frame_id desc limit 1;
			update delivery.journal set recorded_at = recorded_at - interval '1 hour' where frame_id = (select frame_id from one);
			delete from circulation.consumed_frame where frame_id = (select frame_id from one)`), []string{"circulation frame_not_consumed", "delivery frame_changed", "delivery time_outside"}},
		{"the sandbox hub's record changed", func(t *testing.T, w *whole, c *harness.Copy) {
			t.Helper()
			c.TamperSandbox(t, `update sandbox_hub.circulation set read_date = read_date + interval '3 days' where edoc_num = '`+w.document+`'`)
		}, []string{"circulation hub_differs"}},
		{"a legal hold released by nobody", sql(`insert into status.legal_hold (id, subject, action, actor, reference, commit_id)
			values (gen_random_uuid(), 'a document', 'released', 'operator', 'case', gen_random_uuid())`), []string{"status row_unfounded"}},
	}
}

// ofFrames returns tamperings with a journal's rows.
func ofFrames() []tampering {
	return []tampering{
		{"a frame's time changed", sql(`update status.journal set recorded_at = recorded_at - interval '3 days' where ` + aFrame), []string{"status frame_changed"}},
		{"a frame's kind changed", sql(`update status.journal set kind = 'naru.platform.v1.FrameReleased' where ` + aFrame), []string{"status frame_changed"}},
		{"a frame's MAC changed", sql(`update status.journal set mac = sha256(mac) where ` + aFrame), []string{"status frame_forged"}},
		{"a frame's body changed", sql(`update status.journal set body = set_byte(body, octet_length(body) - 1, get_byte(body, octet_length(body) - 1) # 1) where ` + aFrame),
			[]string{"status body_changed"}},
		{"a frame deleted", sql(`delete from status.journal where ` + aFrame), []string{"status frame_missing"}},
		{"a mark deleted", sql(`delete from status.journal_mark where ` + aFrame), []string{"status frame_missing", "status frame_unmarked"}},
		{"two frames exchange their leaves", sql(`update hub.journal_mark set leaf = 1 - leaf where leaf in (0, 1)`), []string{"hub frame_changed"}},
		{"a mark names a leaf there is not", sql(`update status.journal_mark set leaf = 1000000 where leaf = (select max(leaf) from status.journal_mark)`),
			[]string{"status frame_missing", "status leaf_misplaced"}},
		{"a frame and its leaf changed", sql(`update status.journal set recorded_at = recorded_at + interval '1 s' where frame_id = (select frame_id from status.journal_mark where leaf = 0);
			update status.log_tile set hashes = sha256('x') || substr(hashes, 33) where level = 0 and n = 0`), []string{"status frame_changed", "status history_differs", "status root_differs"}},
		{"a frame inserted without a mark", sql(`insert into status.journal select ` + another + `, ` + columns + ` from status.journal where ` + aFrame), []string{"status frame_unmarked"}},
		{"a frame inserted with its mark, refused by the unit", sql(`insert into status.journal select ` + another + `, ` + columns + ` from status.journal where ` + aFrame + `;
			insert into status.journal_mark (frame_id, lane, refused) select ` + another + `, lane, 'mac_wrong' from status.journal where ` + aFrame), []string{"status frame_forged"}},
		{"a receipt stated again, under a stolen key", func(t *testing.T, w *whole, c *harness.Copy) {
			t.Helper()
			stated(t, c, "delivery", journal.Fact{Subject: w.document, Message: &deliveryv1.DocumentReceived{Facts: &platformv1.DocumentFacts{EdocNum: w.document}}})
		}, []string{"all document_twice", "all times_disordered", "delivery fact_twice"}},
		{"an acceptance deleted", sql(`delete from intake.journal where frame_id = (select max(frame_id::text)::uuid from intake.journal where kind = 'naru.intake.v1.DocumentAccepted')`), []string{
			"address consumed_unknown", "address row_unfounded", "all fact_unfounded", "intake frame_missing", "intake row_unfounded", "status consumed_unknown", "status row_differs",
		}},
		{"a reading stated before the receipt, under a stolen key", func(t *testing.T, w *whole, c *harness.Copy) {
			t.Helper()
			stated(t, c, "viewing", journal.Fact{Subject: w.document, Ordinal: 2,
				Message: &viewingv1.DocumentRead{EdocNum: w.document, ReadAt: timestamppb.New(clock.System().Now().AddDate(0, 0, -3))}})
		}, []string{"all times_disordered"}},
	}
}

// ofLogs returns tamperings with a log and its checkpoints.
func ofLogs() []tampering {
	return []tampering{
		{"a checkpoint changed", sql(`update hub.log_checkpoint set note = replace(note, E'\n' || size || E'\n', E'\n' || size + 1 || E'\n') where seq = 2`), []string{"hub checkpoint_changed"}},
		{"a checkpoint signed again with the unit's own key", signedAgain, []string{"hub cosignature_wrong", "hub root_differs"}},
		{"a checkpoint deleted", sql(`delete from hub.log_checkpoint where seq = 2`), []string{"hub checkpoint_missing"}},
		{"a checkpoint's time changed", sql(`update hub.log_checkpoint set made_at = made_at - interval '1 hour' where seq = 2`), []string{"hub time_outside"}},
		{"a cosignature changed", sql(`update hub.log_checkpoint set cosigned = (select cosigned from hub.log_checkpoint where cosigned is not null order by seq desc limit 1) where seq = 1`),
			[]string{"hub cosignature_wrong"}},
		// The newest checkpoint is made older too, because a missing cosignature is reported only after two minutes.
		{"a cosignature withheld", sql(`update hub.log_checkpoint set cosigned = null, made_at = made_at - interval '3 minutes' where seq = (select max(seq) from hub.log_checkpoint)`),
			[]string{"hub not_witnessed", "hub time_outside"}},
		{"the newest three checkpoints cut off with their frames", sql(`
			create temp table cut as select size from gateway.log_checkpoint order by seq desc offset 3 limit 1;
			delete from gateway.log_checkpoint where size > (select size from cut);
			delete from gateway.journal using gateway.journal_mark m where m.frame_id = journal.frame_id and m.leaf >= (select size from cut);
			delete from gateway.journal_mark where leaf >= (select size from cut);
			update gateway.log_tile set hashes = substr(hashes, 1, 32 * (select size from cut)::integer) where level = 0`), []string{"gateway log_cut_off"}},
		{"an old copy of one schema put back", func(t *testing.T, w *whole, c *harness.Copy) {
			t.Helper()
			c.PutBack(t, "viewing", w.unread)
		}, []string{
			"circulation consumed_unknown", "circulation row_differs", "delivery consumed_unknown", "delivery row_differs", "status consumed_unknown", "status row_differs", "viewing log_cut_off",
		}},
	}
}

// signedAgain is the tampering of somebody who has the database and the log's key.
func signedAgain(t *testing.T, _ *whole, c *harness.Copy) {
	t.Helper()
	store, err := keys.Open(c.KeysOf("hub"), keys.Options{})
	require.NoError(t, err)
	key, err := store.NoteSigner(t.Context(), "log", "")
	require.NoError(t, err)
	signed := c.Text(t, `select note from hub.log_checkpoint where cosigned is not null order by seq limit 1`)
	verifier, err := note.NewVerifier(key.Public)
	require.NoError(t, err)
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	require.NoError(t, err)
	lines := strings.Split(opened.Text, "\n")
	lines[2] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	forged, err := note.Sign(&note.Note{Text: strings.Join(lines, "\n")}, key.Signer)
	require.NoError(t, err)
	c.Tamper(t, `update hub.log_checkpoint set note = $2 where note = $1`, signed, string(forged))
}

// stated adds a fact to a journal like somebody who has the database and the unit's frame keys. Only what should follow from the
// fact reveals it.
func stated(t *testing.T, c *harness.Copy, unit string, fact journal.Fact) {
	t.Helper()
	insertFrame(t, c.URL, sealedAs(t, unit, c.KeysOf(unit), fact))
}

// sealedAs seals a fact into a frame with the keys of a unit's folder.
func sealedAs(t *testing.T, unit, folder string, fact journal.Fact) journal.Sealed {
	t.Helper()
	fact.Actor, fact.OccurredAt = "thief", clock.System().Now()
	encoded, err := journal.Encode(t.Context(), unit+"/1", fact)
	require.NoError(t, err)
	cut, err := frame.Cut(frame.KindOf(fact.Message), platformv1.Lane_LANE_EXPRESS, [][]byte{encoded})
	require.NoError(t, err)
	store, err := keys.Open(folder, keys.Options{})
	require.NoError(t, err)
	made, err := journal.NewKeys(store, clock.System()).Seal(t.Context(), unit, frame.NewCommit(), cut)
	require.NoError(t, err)
	return made[0]
}

// Every tampering with the records of a complete relay without work in progress is reported, with exactly these codes.
// docs/verification.md has the same table.
func TestEachTamperingIsNamed(t *testing.T) { //nolint:tparallel // see wholeRelay
	rows := ofRows()
	for _, u := range registry.Units() {
		named := slices.ContainsFunc(rows, func(tc tampering) bool { return tc.name == "a state row changed: "+u.Name })
		states := slices.ContainsFunc(u.Follows, func(table audit.Table) bool { return table.Name != "legal_hold" }) // every unit has that one
		require.Equal(t, states, named, "unit %s has rows that follow from facts, and one is changed here", u.Name)
	}
	w := wholeRelay(t)
	t.Run("nothing", func(t *testing.T) { require.Empty(t, w.New(t, "whole").Audit(t)) })
	t.Run("in a dump", func(t *testing.T) { verifyDumps(t, w) })
	t.Run("by a mirror", func(t *testing.T) { verifyByMirror(t, w) })
	t.Run("a witness that is away", func(t *testing.T) { verifyWithoutWitness(t, w) })
	for i, tc := range slices.Concat(rows, ofFrames(), ofLogs()) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tampered := w.New(t, fmt.Sprint(i))
			tc.do(t, w, tampered)
			require.Equal(t, tc.told, codesOf(tampered.Audit(t)))
		})
	}
}

// A mirror of the public logs tells what was cut off, rewritten or dated back by whoever holds the database, without any key
// folder.
func verifyByMirror(t *testing.T, w *whole) {
	t.Helper()
	require.Empty(t, w.mirror.verify(t, w.New(t, "mirrored").URL))
	for i, tc := range []tampering{
		{"cut off", sql(`
			create temp table cut as select size from hub.log_checkpoint order by seq desc offset 1 limit 1;
			delete from hub.log_checkpoint where size > (select size from cut);
			delete from hub.journal j using hub.journal_mark m where m.frame_id = j.frame_id and m.leaf >= (select size from cut);
			delete from hub.journal_mark where leaf >= (select size from cut);
			delete from hub.log_stamp where size > (select size from cut);
			update hub.log_tile set hashes = substr(hashes, 1, 32 * (select size from cut)::integer) where level = 0`), []string{"hub log_cut_off"}},
		{"rewritten", sql(`
			update hub.journal set recorded_at = recorded_at + interval '1 s' where frame_id = (select frame_id from hub.journal_mark where leaf = 0);
			update hub.log_tile set hashes = sha256('x') || substr(hashes, 33) where level = 0 and n = 0`), []string{"hub frame_changed", "hub history_differs", "hub root_differs"}},
		{"dated back", sql(`
			delete from gateway.log_stamp;
			update gateway.log_checkpoint set made_at = made_at - interval '1 hour' where seq = (select max(seq) from gateway.log_checkpoint)`),
			[]string{"gateway time_contradicted", "gateway time_outside"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tampered := w.New(t, fmt.Sprint("mirror_", i))
			tc.do(t, w, tampered)
			require.Equal(t, tc.told, w.mirror.verify(t, tampered.URL))
		})
	}
}

// A relay none of whose logs was cosigned for longer than allowed has lost its witnesses, though nothing else differs: by the
// moment that is named, in the records and in what a mirror has of them.
func verifyWithoutWitness(t *testing.T, w *whole) {
	t.Helper()
	var told []string
	for _, u := range registry.Units() {
		told = append(told, u.Name+" not_witnessed")
	}
	slices.Sort(told)
	dump, at := w.New(t, "unwitnessed").Dump(t, "--format=custom"), clock.System().Now().Add(2*time.Hour).Format(time.RFC3339)
	for _, args := range [][]string{{"--at", at}, {"--at", at, "--mirror", w.mirror.folder}} {
		code, found, output := harness.Look(t, append([]string{"evidence", "verify", "--dump", dump, "--keys", w.Keys}, args...)...)
		require.Equal(t, cli.ExitFailed, code, output)
		require.Equal(t, told, codesOf(found))
		code, found, output = harness.Look(t, append([]string{"evidence", "verify", "--dump", dump, "--keys", w.Keys, "--witnessed-within", "3h"}, args...)...)
		require.Equal(t, cli.ExitOK, code, output)
		require.Empty(t, found)
	}
}

// A pg_dump of the relay's database, or of one unit's schema, is verified without the relay. A tampered dump reports the
// tampering. A file that is no such dump cannot be verified.
func verifyDumps(t *testing.T, w *whole) {
	t.Helper()
	good, bad := w.New(t, "good"), w.New(t, "bad")
	scratch := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(scratch), 0o755)) //nolint:gosec // the private PostgreSQL's user has to pass
	t.Setenv("TMPDIR", scratch)
	bad.Tamper(t, `update status.journal set mac = sha256(mac) where `+aFrame)
	bad.Tamper(t, `update hub.journal_mark set leaf = 1 - leaf where leaf in (0, 1)`)
	for _, format := range []string{"plain", "custom"} {
		t.Run(format, func(t *testing.T) {
			look := func(dump string) (int, []string, string) {
				code, found, output := harness.Look(t, "evidence", "verify", "--dump", dump, "--keys", w.Keys)
				return code, codesOf(found), output
			}
			code, codes, output := look(good.Dump(t, "--format="+format))
			require.Equal(t, cli.ExitOK, code, output)
			require.Empty(t, codes)
			require.NotContains(t, output, "notChecked")

			code, codes, output = look(bad.Dump(t, "--format="+format))
			require.Equal(t, cli.ExitFailed, code, output)
			require.Equal(t, []string{"hub frame_changed", "status frame_forged"}, codes)

			whole, err := os.ReadFile(good.Dump(t, "--format="+format))
			require.NoError(t, err)
			for name, content := range map[string][]byte{"cut off": whole[:len(whole)/2], "a text": []byte("select 1;\n"), "empty": nil} {
				file := filepath.Join(t.TempDir(), "no.dump")
				require.NoError(t, os.WriteFile(file, content, 0o600))
				code, _, output = look(file)
				require.Equal(t, cli.ExitUsage, code, "%s: %s", name, output)
				require.Contains(t, output, "could not look", name)
			}
		})
	}
	code, found, output := harness.Look(t, "audit", "--dump", good.Dump(t, "--format=custom"), "--keys", w.Keys)
	require.Equal(t, cli.ExitOK, code, output)
	require.Empty(t, found)
	code, found, output = harness.Look(t, "audit", "--dump", bad.Dump(t, "--format=custom"), "--keys", w.Keys)
	require.Equal(t, cli.ExitFailed, code, output)
	require.Equal(t, []string{"hub frame_changed", "status frame_forged"}, codesOf(found))
	one := bad.Dump(t, "--format=custom", "--schema=status")
	code, _, output = harness.Look(t, "audit", "--dump", one, "--keys", w.Keys)
	require.Equal(t, cli.ExitUsage, code, "an audit holds units against each other: %s", output)
	code, found, output = harness.Look(t, "evidence", "verify", "--dump", one, "--keys", w.Keys)
	require.Equal(t, cli.ExitFailed, code, output)
	require.Equal(t, []string{"status frame_forged"}, codesOf(found))
	require.Contains(t, output, `"notChecked"`)
	code, _, output = harness.Look(t, "evidence", "verify", "--dump", filepath.Join(t.TempDir(), "none"), "--keys", w.Keys)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, output, "no such file")
	left, err := filepath.Glob(filepath.Join(scratch, "naru-dump-*"))
	require.NoError(t, err)
	require.Empty(t, left, "nothing stays behind")
}

// codesOf returns unit and code of each violation, each pair once.
func codesOf(found []audit.Violation) []string {
	codes := make([]string, len(found))
	for i, v := range found {
		codes[i] = v.Unit + " " + v.Code
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

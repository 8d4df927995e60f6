package auditing

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// twoLogs are the logs of intake, whose witness can be away, and of status, whose witness works, in one database.
type twoLogs struct {
	t     *testing.T
	db    *pgtest.Database
	files Files
	// clock of everything.
	clock interface {
		Now() time.Time
		Advance(d time.Duration)
	}
	away    bool
	loggers []*journal.Logger
	intake  *journaltest.Journal
}

func newTwoLogs(t *testing.T) *twoLogs {
	t.Helper()
	l := &twoLogs{t: t}
	var schemas []pgtest.Schema
	names := []string{"intake", "status"}
	for _, name := range names {
		schemas = append(schemas, pgtest.Schema{Name: name, Sources: []pg.Source{journal.Migrations()}})
	}
	l.db = pgtest.NewDatabase(t, schemas...)
	journals, cosigners := map[string]*journaltest.Journal{}, map[string]*keys.NoteKey{}
	for _, name := range names {
		journals[name] = journaltest.Open(t, l.db.Schemas[name].App, name, []proto.Message{&platformv1.ClockMeasured{}})
	}
	l.intake = journals["intake"]
	l.clock = l.intake.Clock
	for _, name := range names {
		cosigners[name] = journaltest.Cosigner(t, journal.OwnerOf(journaltest.Platform, name), l.intake.Clock)
		file := filepath.Join(t.TempDir(), name+".vkey")
		require.NoError(t, os.WriteFile(file, []byte(journals[name].Signer.Public+"\n"+cosigners[name].PublicCosigner+"\n"), 0o600))
		l.files.VerifierKeys = append(l.files.VerifierKeys, file)
	}
	for name, by := range map[string]string{"intake": "status", "status": "intake"} {
		j := journals[name]
		j.Clock = l.intake.Clock
		l.state(j)
		of := &journal.WitnessOf{Journal: journals[by].Journal, Store: journals[by].Store, Key: cosigners[by], Clock: l.intake.Clock}
		l.loggers = append(l.loggers, j.NewLogger(t, l.db.Schemas[name].App, func(ctx context.Context, r journal.Request) (journal.Answer, error) {
			if l.away && name == "intake" {
				return journal.Answer{}, errors.New("not reached")
			}
			return of.Cosign(ctx, journal.OwnerOf(journaltest.Platform, name), r)
		}))
	}
	l.after(0)
	return l
}

func (l *twoLogs) state(j *journaltest.Journal) {
	l.t.Helper()
	require.NoError(l.t, j.InTx(l.t.Context(), func(tx *journal.Tx) error {
		return tx.Record(l.t.Context(), journal.Fact{Subject: "clock", Actor: "unit:" + j.Unit, OccurredAt: l.clock.Now(), Message: &platformv1.ClockMeasured{}})
	}))
}

// after lets time pass and has both logs cosigned, as far as their witnesses answer.
func (l *twoLogs) after(d time.Duration) {
	l.t.Helper()
	l.clock.Advance(d)
	for _, logger := range l.loggers {
		if err := logger.Drain(l.t.Context()); err != nil {
			require.ErrorContains(l.t, err, "not reached")
		}
	}
}

// dump makes a pg_dump of the database.
func (l *twoLogs) dump(args ...string) string {
	l.t.Helper()
	program, err := pgserver.Program(l.t.Context(), "pg_dump")
	require.NoError(l.t, err)
	file := filepath.Join(l.t.TempDir(), "relay.dump")
	out, err := exec.CommandContext(l.t.Context(), program, append(args, "--format=custom", "--file="+file, "--dbname="+l.db.SuperURL)...).CombinedOutput()
	require.NoError(l.t, err, "%s", out)
	return file
}

// mirror makes a mirror's folder that has intake's checkpoint as it is, looked at now.
func (l *twoLogs) mirror() string {
	l.t.Helper()
	newest, err := journal.Publication{}.Newest(l.t.Context(), l.db.Schemas["intake"].App)
	require.NoError(l.t, err)
	published := newest.Published()
	seen, err := json.Marshal(map[string]any{"at": l.clock.Now(), "size": 1})
	require.NoError(l.t, err)
	dir := l.t.TempDir()
	require.NoError(l.t, os.Mkdir(filepath.Join(dir, "intake"), 0o700))
	for name, content := range map[string][]byte{"checkpoint": []byte(published), "seen.json": seen} {
		require.NoError(l.t, os.WriteFile(filepath.Join(dir, "intake", name), content, 0o600))
	}
	return dir
}

func (l *twoLogs) told(p Place, files Files) []string {
	l.t.Helper()
	p.Policy.Within = time.Hour
	result, err := Verify(l.t.Context(), p, files, l.clock.Now())
	require.NoError(l.t, err)
	told := []string{}
	for _, v := range result.Violations {
		told = append(told, v.Unit+" "+v.Code)
	}
	return told
}

// A log whose witness is away is told: of a database by the present, of a dump by what the other logs state, by a mirror that
// looked later, or by the moment that the caller names. One that stands still with its witness there is not, nor an old dump.
func TestWitnessThatIsAway(t *testing.T) {
	t.Parallel()
	l := newTwoLogs(t)
	notWitnessed := []string{"intake not_witnessed"}
	running := Place{Database: l.db.SuperURL}
	for range 12 {
		l.after(20 * time.Minute)
	}
	require.Empty(t, l.told(running, l.files))
	whole := l.dump()
	first, ofIntake := Files{VerifierKeys: l.files.VerifierKeys, Mirror: l.mirror()}, l.dump("--schema=intake")
	l.away = true
	l.after(2 * time.Hour)

	require.Equal(t, notWitnessed, l.told(running, l.files))
	require.Equal(t, notWitnessed, l.told(running, first), "what the mirror has is as old")
	require.Empty(t, l.told(Place{Dump: whole}, l.files), "an old dump is judged by its own time")
	require.Equal(t, notWitnessed, l.told(Place{Dump: l.dump()}, l.files), "status was cosigned since")

	alone := Place{Dump: ofIntake}
	require.Empty(t, l.told(alone, l.files))
	alone.At = l.clock.Now()
	require.Equal(t, notWitnessed, l.told(alone, l.files), "by the moment that is named")
	alone.At = time.Time{}
	looked := Files{VerifierKeys: l.files.VerifierKeys, Mirror: l.mirror()}
	require.Equal(t, notWitnessed, l.told(alone, looked), "by the moment at which the mirror looked")
	l.away = false
	l.after(0)
	require.Empty(t, l.told(running, l.files))
	looked.Mirror = l.mirror()
	require.Empty(t, l.told(alone, looked), "the mirror has what was cosigned since")

	running.Policy.Within = time.Hour
	result, err := Verify(t.Context(), running, l.files, l.clock.Now())
	require.NoError(t, err)
	var text strings.Builder
	result.Write(&text)
	require.Regexp(t, `(?m)^intake +cosigned last `+l.clock.Now().UTC().Format(time.RFC3339)+`; later cosignatures checked 1, not checked 0$`, text.String())
	_, err = Verify(t.Context(), running, Files{VerifierKeys: l.files.VerifierKeys[:1]}, l.clock.Now())
	require.ErrorContains(t, err, "without the key of its witness")
}

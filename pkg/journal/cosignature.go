package journal

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/pg"
)

const (
	// DefaultCosignEvery is how often the newest checkpoint is cosigned anew while the log stands still, MaxCosignEvery the
	// longest that may be set: whoever looks from outside relies on it.
	DefaultCosignEvery = 10 * time.Minute
	MaxCosignEvery     = 30 * time.Minute
	// DefaultWitnessedWithin is how old the newest cosignature of a log may be for whoever verifies or mirrors it: twice
	// MaxCosignEvery, so that it holds of every relay whose witnesses work.
	DefaultWitnessedWithin = 2 * MaxCosignEvery
)

// WitnessPolicy is what whoever verifies or mirrors a log expects of its witnesses.
type WitnessPolicy struct {
	// Within is how old the newest cosignature may be; 0: its age is not looked at.
	Within time.Duration
	// Outside are the keys of witnesses outside of the relay, and Required how many of them must have cosigned within that time.
	Outside  []string
	Required int
}

// WitnessKeys reads witnesses' verifier keys for cosignatures.
func WitnessKeys(keys []string) ([]note.Verifier, error) {
	verifiers := make([]note.Verifier, len(keys))
	for i, key := range keys {
		var err error
		if verifiers[i], err = formats.NewVerifierForCosignatureV1(key); err != nil {
			return nil, fmt.Errorf("read a witness's key: %w", err)
		}
	}
	return verifiers, nil
}

// Cosignature is what one witness signed of a checkpoint.
type Cosignature struct {
	// Witness is the name and the hash of its key, as its verifier key begins: name+hash.
	Witness string
	// Line is its line of the note.
	Line string
	// At is when it was made, by the witness's clock, in whole seconds.
	At time.Time
}

// Cosignatures are those in a signed checkpoint that the given witnesses made. An error means that there is none, or one without
// a time.
func Cosignatures(signed string, witnesses ...note.Verifier) ([]Cosignature, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(witnesses...))
	if err != nil {
		return nil, fmt.Errorf("open cosigned checkpoint: %w", err)
	}
	found := make([]Cosignature, len(opened.Sigs))
	for i, signature := range opened.Sigs {
		at, err := formats.CoSigV1Timestamp(signature)
		if err != nil {
			return nil, fmt.Errorf("a witness states no time: %w", err)
		}
		found[i] = Cosignature{Witness: witnessID(signature.Name, signature.Hash), Line: "— " + signature.Name + " " + signature.Base64 + "\n", At: at.UTC()}
	}
	return found, nil
}

func witnessID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// idOfLine is whose a line of a note is, unverified; the line itself where it is none.
func idOfLine(line string) string {
	name, signature, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "— "), " ")
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(raw) < 4 {
		return line
	}
	return name + "+" + hex.EncodeToString(raw[:4])
}

// firstOfEach leaves of lines of a note the first one of each key.
func firstOfEach(lines string) string {
	seen := map[string]bool{}
	var left strings.Builder
	for line := range strings.Lines(lines) {
		if id := idOfLine(line); !seen[id] {
			seen[id] = true
			left.WriteString(line)
		}
	}
	return left.String()
}

// keepLater keeps the newest cosignature of a witness over a checkpoint that has its first one.
func keepLater(ctx context.Context, db pg.DBTX, c Checkpoint, given Cosignature, now time.Time) error {
	const upsert = `
		insert into log_cosignature (generation, size, witness, line, given_at)
		values ($1, $2, $3, $4, $5)
		on conflict (generation, size, witness) do update
		set    line = excluded.line, given_at = excluded.given_at`
	return pg.Exec(ctx, db, fmt.Sprintf("keep a later cosignature of %d leaves", c.N), upsert, c.Generation(), c.N, given.Witness, given.Line, now.Truncate(time.Microsecond))
}

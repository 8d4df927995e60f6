package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/pg"
)

// OwnerOf is the name of a unit's log and of the key that signs its checkpoints and cosignatures.
func OwnerOf(platform, unit string) string { return "naru/" + platform + "/" + unit }

// OriginOf is the first line of a log's checkpoints.
func OriginOf(owner string, generation int) string { return owner + "/" + strconv.Itoa(generation) }

// Checkpoint is a log's size and root, signed.
type Checkpoint struct {
	Origin string
	tlog.Tree
	// Note is the signed text of the checkpoint.
	Note string
	// Cosigned is the same text with only the first signature of the unit that witnesses the log; empty while it has not
	// answered.
	Cosigned string
	// Later are the lines of the cosignatures that came after that, the newest one of each witness.
	Later  string
	MadeAt time.Time
}

// Published is the checkpoint as others get it: its text with the signature of the log and the newest one of each witness. Empty
// while no witness has answered.
func (c Checkpoint) Published() string {
	first, cosigned := c.first()
	if !cosigned {
		return ""
	}
	return c.Note + firstOfEach(c.Later+first)
}

// ToStamp is the checkpoint as it is time-stamped: with the signature of the log and the first cosignature, which stay as they
// are. Empty while no witness has answered.
func (c Checkpoint) ToStamp() string {
	first, cosigned := c.first()
	if !cosigned {
		return ""
	}
	return c.Note + first
}

// Witnessed is the checkpoint with the newest signature of each witness, and without the log's own, which whoever has stolen the
// log's key can make.
func (c Checkpoint) Witnessed() string {
	first, cosigned := c.first()
	if !cosigned {
		return ""
	}
	return unsignedText(c.Note) + "\n" + firstOfEach(c.Later+first)
}

// first is the line of the first cosignature.
func (c Checkpoint) first() (line string, cosigned bool) {
	return strings.CutPrefix(c.Cosigned, unsignedText(c.Note)+"\n")
}

// Generation is the last part of the origin.
func (c Checkpoint) Generation() int {
	_, last, _ := cutLast(c.Origin)
	n, err := strconv.Atoi(last)
	if err != nil {
		return 0
	}
	return n
}

// Owner is the origin without the generation.
func (c Checkpoint) Owner() string {
	owner, _, _ := cutLast(c.Origin)
	return owner
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// sign makes a checkpoint.
func sign(origin string, t tlog.Tree, signer note.Signer) (Checkpoint, error) {
	body := log.Checkpoint{Origin: origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(body)}, signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	return Checkpoint{Origin: origin, Tree: t, Note: string(signed)}, nil
}

var errCheckpoint = errors.New("checkpoint is malformed")

// ParseCheckpoint reads a checkpoint that one of the verifiers must have signed.
func ParseCheckpoint(signed string, verifiers ...note.Verifier) (Checkpoint, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return parseText(opened.Text, signed)
}

func parseText(text, signed string) (Checkpoint, error) {
	var body log.Checkpoint
	rest, err := body.Unmarshal([]byte(text))
	if err != nil || len(rest) > 0 || len(body.Hash) != tlog.HashSize || int64(body.Size) < 0 {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Origin: body.Origin, Tree: tlog.Tree{N: int64(body.Size)}, Note: signed}
	copy(c.Hash[:], body.Hash)
	if c.Generation() < 1 {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// unsignedText is the signed part of a note, unverified.
func unsignedText(signed string) string {
	if i := strings.LastIndex(signed, "\n\n"); i >= 0 {
		return signed[:i+1]
	}
	return signed
}

// laterLines selects the lines of the later cosignatures of the checkpoint c.
const laterLines = `coalesce((select string_agg(k.line, '' order by k.witness) from log_cosignature k where k.generation = c.generation and k.size = c.size), '')`

// Newest reads a log's newest checkpoint, cosigned or not, unverified; the zero Checkpoint where there is none.
func Newest(ctx context.Context, db pg.DBTX) (Checkpoint, error) {
	return newestBy(ctx, db, `select c.note, coalesce(c.cosigned, ''), c.made_at, `+laterLines+` from log_checkpoint c order by c.seq desc limit 1`)
}

func insertCheckpoint(ctx context.Context, db pg.DBTX, generation int, c Checkpoint) error {
	const insert = `
		insert into log_checkpoint (seq, generation, size, note, made_at)
		select coalesce(max(seq), 0) + 1, $1, $2, $3, $4 from log_checkpoint`
	return pg.Exec(ctx, db, fmt.Sprintf("write checkpoint of %d leaves", c.N), insert, generation, c.N, c.Note, c.MadeAt)
}

func keepCosignature(ctx context.Context, db pg.DBTX, c Checkpoint, cosigned string) error {
	return pg.Exec(ctx, db, fmt.Sprintf("keep cosignature of %d leaves", c.N), `update log_checkpoint set cosigned = $3 where generation = $1 and size = $2 and cosigned is null`,
		c.Generation(), c.N, cosigned)
}

package mirror

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/journal"
)

// LogReopened is the violation code of a log that went on in another generation. The other codes are those of package journal.
const LogReopened = "log_reopened"

const (
	// slack is how much earlier than the mirror saw it smaller a log may be said to have been larger: clocks differ, and a
	// checkpoint is shown a moment after it was signed.
	slack = 4 * time.Minute
	// ahead is how far others' clocks may be ahead of the mirror's.
	ahead = 5 * time.Minute
)

// Fetch reads a file of a published log by its path, e.g. checkpoint. The error of one that there is not is ErrNotThere.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// ErrNotThere says that a log has no such file.
var ErrNotThere = errors.New("the log has no such file")

// Options of Update. All but Roots and the witnesses outside of the relay are required.
type Options struct {
	Unit  string
	Fetch Fetch
	// Folder of this log; made if missing.
	Folder string
	// Key is the log's verifier key. Witnesses are the keys of cosignatures, one of which a checkpoint needs.
	Key       string
	Witnesses []string
	// Roots of time-stamping authorities; nil: time stamps are not looked at.
	Roots *x509.CertPool
	// Policy is what is expected of the newest checkpoint's witnesses; its Within is above zero, since a log that stands still is
	// cosigned anew.
	Policy journal.WitnessPolicy
	Now    func() time.Time
}

// Result is what became of a log.
type Result struct {
	Unit string `json:"unit"`
	// From is how many leaves the mirror had, Size how many it has.
	From int64 `json:"from"`
	Size int64 `json:"size"`
	// CosignedAt is when a witness says that it saw the newest checkpoint; zero where there is none.
	CosignedAt time.Time `json:"cosignedAt,omitzero"`
	// StampedSize and StampedAt are of the newest time stamp; zero where there is none or no roots were given.
	StampedSize int64     `json:"stampedSize,omitzero"`
	StampedAt   time.Time `json:"stampedAt,omitzero"`
	// Violations are what does not hold; then nothing was taken, except where the witness's being away is all that is told.
	Violations []journal.Violation `json:"violations"`
}

// update is one look at a log.
type update struct {
	Options
	folder    folder
	log       note.Verifier
	witnesses []note.Verifier
	outside   []note.Verifier
	now       time.Time
	result    Result
}

// Update looks at a log and takes what extends the mirror. An error means that it could not look, or that the folder is damaged;
// what does not hold is in the result.
func Update(ctx context.Context, opts Options) (Result, error) {
	u := &update{Options: opts, folder: folder(opts.Folder), now: opts.Now().UTC(), result: Result{Unit: opts.Unit, Violations: []journal.Violation{}}}
	if err := u.update(ctx); err != nil {
		return Result{}, fmt.Errorf("mirror the log of %s: %w", opts.Unit, err)
	}
	return u.result, nil
}

func (u *update) update(ctx context.Context) error {
	if err := u.keys(); err != nil {
		return err
	}
	release, err := u.folder.lock()
	if err != nil {
		return err
	}
	have, seen, err := u.had()
	if err == nil {
		err = u.look(ctx, have, seen)
	}
	return errors.Join(err, release())
}

func (u *update) keys() (err error) {
	if u.log, err = note.NewVerifier(u.Key); err != nil {
		return fmt.Errorf("the log's key: %w", err)
	}
	if u.witnesses, err = journal.WitnessKeys(u.Witnesses); err != nil {
		return err
	}
	u.outside, err = journal.WitnessKeys(u.Policy.Outside)
	return err
}

// had is what the mirror has, and what it saw last.
func (u *update) had() (have signed, last seen, err error) {
	content, err := u.folder.read(checkpointFile)
	if errors.Is(err, ErrNotThere) {
		last, err = u.folder.seen()
		if errors.Is(err, ErrNotThere) {
			err = nil
		}
		return signed{}, last, err
	}
	if err != nil {
		return signed{}, seen{}, err
	}
	have, problem := u.open(content)
	if problem != nil {
		return signed{}, seen{}, fmt.Errorf("what the mirror has is not of these keys: %s", problem.Detail)
	}
	last, err = u.folder.seen()
	return have, last, err
}

func (u *update) found(code string, size int64, detail string, args ...any) {
	u.result.Violations = append(u.result.Violations, journal.Violation{Unit: u.Unit, Code: code, Subject: fmt.Sprint("size ", size), Detail: fmt.Sprintf(detail, args...)})
}

// look fetches the newest checkpoint and takes it if it holds.
func (u *update) look(ctx context.Context, have signed, last seen) error {
	u.result.From, u.result.Size, u.result.CosignedAt = have.N, have.N, have.at
	// The stamped checkpoint first: it is never larger than the newest one afterwards.
	stamp, err := u.stamp(ctx)
	if err != nil {
		return err
	}
	content, err := u.Fetch(ctx, checkpointFile)
	switch {
	case errors.Is(err, ErrNotThere) && have.N == 0:
		return u.uncosigned(last)
	case errors.Is(err, ErrNotThere):
		u.found(journal.LogCutOff, have.N, "the mirror has %d leaves, and the log shows no checkpoint", have.N)
		return nil
	case err != nil:
		return err
	}
	offered, problem := u.open(content)
	if problem != nil {
		u.result.Violations = append(u.result.Violations, *problem)
		return nil
	}
	late := u.witnessedOutside(offered)
	u.compare(have, offered, last)
	if len(u.result.Violations) > 0 {
		return nil
	}
	tiles := &remote{ctx: ctx, fetch: u.Fetch, held: map[tlog.Tile][]byte{}}
	hashes := tlog.TileHashReader(offered.Tree, tiles)
	if err := u.follows(hashes, have, stamp, offered, last); err != nil || len(u.result.Violations) > 0 {
		return err
	}
	if err := u.take(hashes, have, offered, stamp); err != nil {
		return err
	}
	switch {
	case u.now.Sub(offered.at) > u.Policy.Within:
		u.found(journal.NotWitnessed, offered.N, "cosigned last at %s", offered.at.Format(time.RFC3339))
	case late:
		u.found(journal.NotWitnessed, offered.N, "fewer than %d witnesses outside of the relay have cosigned it lately", u.Policy.Required)
	}
	return nil
}

// witnessedOutside counts the witnesses outside of the relay that cosigned a checkpoint. Too few is told; late says that there
// are too few of those that did so lately.
func (u *update) witnessedOutside(offered signed) (late bool) {
	if u.Policy.Required == 0 {
		return false
	}
	given, err := journal.Cosignatures(offered.Note, u.outside...)
	if err != nil || len(given) < u.Policy.Required {
		u.found(journal.CosignatureWrong, offered.N, "%d of the %d witnesses outside of the relay that are required have cosigned it", len(given), u.Policy.Required)
		return false
	}
	lately := 0
	for _, one := range given {
		if u.now.Sub(one.At) <= u.Policy.Within {
			lately++
		}
	}
	return lately < u.Policy.Required
}

// uncosigned tells of a log that shows no checkpoint long after the mirror looked at it first.
func (u *update) uncosigned(last seen) error {
	if last.At.IsZero() {
		return u.folder.saw(seen{At: u.now})
	}
	if u.now.Sub(last.At) > u.Policy.Within {
		u.found(journal.NotWitnessed, 0, "the log has shown no checkpoint since %s", last.At.Format(time.RFC3339))
	}
	return nil
}

// compare holds a checkpoint against what the mirror has, without any hash.
func (u *update) compare(have, offered signed, last seen) {
	switch {
	case offered.at.After(u.now.Add(ahead)):
		u.found(journal.TimeContradicted, offered.N, "cosigned at %s, it says, which is to come", offered.at.Format(time.RFC3339))
	case have.N == 0:
	case offered.Generation() != have.Generation():
		u.found(LogReopened, offered.N, "the log goes on in generation %d; the mirror has %d leaves of generation %d", offered.Generation(), have.N, have.Generation())
	case offered.N < have.N:
		u.found(journal.LogCutOff, offered.N, "the log shows %d leaves, the mirror has %d", offered.N, have.N)
	case offered.N == have.N && offered.Hash != have.Hash:
		u.found(journal.HistoryDiffers, offered.N, "the log shows another root than the mirror has")
	case offered.N > last.Size && offered.at.Before(last.At.Add(-slack)):
		u.found(journal.TimeContradicted, offered.N, "cosigned at %s, it says, when the mirror still saw %d leaves at %s",
			offered.at.Format(time.RFC3339), last.Size, last.At.Format(time.RFC3339))
	}
}

// follows checks that what the mirror has, and what is stamped, are beginnings of the tree that is offered.
func (u *update) follows(hashes tlog.HashReader, have signed, stamp *stamped, offered signed, last seen) error {
	beginnings := []tlog.Tree{have.Tree}
	if stamp != nil {
		u.stampFits(stamp, offered, last)
		beginnings = append(beginnings, stamp.Tree)
	}
	for _, begin := range beginnings {
		if begin.N == 0 || begin.N > offered.N {
			continue
		}
		root, err := tlog.TreeHash(begin.N, hashes)
		if err != nil {
			return u.tilesDiffer(offered, err)
		}
		if root != begin.Hash {
			u.found(journal.HistoryDiffers, begin.N, "the log shows another history than it did: another root at this size")
		}
	}
	return nil
}

// tilesDiffer tells hashes that do not lead to the root from hashes that could not be read.
func (u *update) tilesDiffer(offered signed, err error) error {
	var unread *fetchError
	if errors.As(err, &unread) && !errors.Is(err, ErrNotThere) {
		return err
	}
	u.found(journal.RootDiffers, offered.N, "the hashes that the log shows do not lead to the root it signed")
	return nil
}

// take writes what extends the mirror: hashes first, then what they lead to.
func (u *update) take(hashes tlog.HashReader, have, offered signed, stamp *stamped) error {
	for _, tile := range tlog.NewTiles(tileHeight, have.N, offered.N) {
		content, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return u.tilesDiffer(offered, err)
		}
		if err := u.folder.keep(journal.TilePath(tile), content); err != nil {
			return err
		}
	}
	if stamp != nil {
		if err := u.folder.keepStamp(*stamp); err != nil {
			return err
		}
		u.result.StampedSize, u.result.StampedAt = stamp.N, stamp.moment
	}
	// Before the checkpoint: what has a checkpoint has this.
	if err := u.folder.saw(seen{At: u.now, Size: offered.N}); err != nil {
		return err
	}
	if offered.N > have.N || offered.at.After(have.at) {
		if err := u.folder.replace(checkpointFile, []byte(offered.Note)); err != nil {
			return err
		}
		for _, tile := range tlog.NewTiles(tileHeight, have.N, offered.N) {
			if err := u.folder.forget(tile); err != nil {
				return err
			}
		}
		u.result.CosignedAt = offered.at
	}
	u.result.Size = offered.N
	return nil
}

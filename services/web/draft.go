package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/sheet"
)

const (
	// draftLife is how long somebody may prepare and send: longer than a session, which lasts minutes.
	draftLife = 24 * time.Hour
	// maxDrafts of one person at a time.
	maxDrafts = 10
	// maxFiles of one draft.
	maxFiles = 1000
)

// draft is what a person prepares to send many documents at once (발송 묶음).
//
//	prepared ── files are added, a sheet is given or replaced ──► prepared
//	prepared ── nothing is wrong with any row, the person sends ──► sending: nothing changes any more
//	sending ── each call of intake moves sent on ──► sending ── all rows ──► sent
//	any ── discarded by the person, or a day old ──► deleted
type draft struct {
	draftRow
	files []draftFile
	// given is the sheet; nil before there is one.
	given *draftSheet
	// refused are the rows that intake did not accept.
	refused []refusedRow
}

// draftFile is an upload. Of several with one name the last counts.
type draftFile struct {
	ID, Name string
	Size     int64
	// Checking says that content has not finished with it, Refused why it cannot be sent.
	Checking bool
	Refused  []string
}

// draftSheet is a sheet as it was given.
type draftSheet struct {
	// Key begins the own keys of its rows that name none themselves: the same row of the same sheet is the same document, however
	// often it is sent.
	Key   string
	Table sheet.Table
}

// refusedRow is a row that intake did not accept.
type refusedRow struct {
	Row    int
	Reason string
	// Fields are those of the item that are wrong.
	Fields []string
}

// drafts keeps them.
type drafts struct {
	db  pg.DBTX
	box *sealed.Box
	now func() time.Time
}

// begin makes an empty one for a person and whoever it acts for.
func (s *drafts) begin(ctx context.Context, of *session) (uuid.UUID, error) {
	now := s.now()
	there, err := countDrafts(ctx, s.db, of.Person, now)
	if err != nil {
		return uuid.Nil, err
	}
	if there >= maxDrafts {
		return uuid.Nil, tooManyDrafts()
	}
	made := draft{draftRow: draftRow{
		ID: uuid.New(), Person: of.Person, Organisation: of.Organisation, Version: 1, CreatedAt: now, ExpiresAt: now.Add(draftLife),
		Batch: now.In(id.KST).Format("20060102") + "-" + strings.ToLower(rand.Text()[:10]),
	}}
	if err := s.seal(ctx, &made); err != nil {
		return uuid.Nil, err
	}
	return made.ID, insertDraft(ctx, s.db, made.draftRow)
}

// find is a draft of the person, acting as it does now; not there for everybody else.
func (s *drafts) find(ctx context.Context, named string, of *session) (*draft, error) {
	parsed, err := uuid.Parse(named)
	if err != nil {
		return nil, noSuchPage()
	}
	row, known, err := findDraft(ctx, s.db, parsed, of.Person, of.Organisation, s.now())
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, noSuchDraft()
	}
	found := &draft{draftRow: row}
	return found, s.open(ctx, found)
}

// changeTries is how often a change is made anew after somebody else's: two windows, or an upload while a sheet is given.
const changeTries = 5

// change changes a draft, which fn may be asked to do several times.
func (s *drafts) change(ctx context.Context, named string, of *session, fn func(*draft) error) (*draft, error) {
	for range changeTries {
		d, err := s.find(ctx, named, of)
		if err != nil {
			return nil, err
		}
		if err := fn(d); err != nil {
			return nil, err
		}
		done, err := s.save(ctx, d)
		if done || err != nil {
			return d, err
		}
	}
	return nil, draftBusy()
}

// save writes a draft; false if it has changed since it was read.
func (s *drafts) save(ctx context.Context, d *draft) (bool, error) {
	if err := s.seal(ctx, d); err != nil {
		return false, err
	}
	done, err := replaceDraft(ctx, s.db, d.draftRow)
	if done {
		d.Version++
	}
	return done, err
}

func (s *drafts) seal(ctx context.Context, d *draft) (err error) {
	if d.SealedFiles, err = s.sealPart(ctx, d.ID, "files", d.files); err != nil {
		return err
	}
	if d.SealedRefused, err = s.sealPart(ctx, d.ID, "refused", d.refused); err != nil {
		return err
	}
	// The sheet is large, and does not change while it is sent.
	if d.given == nil || d.SealedSheet != nil {
		return nil
	}
	d.SealedSheet, err = s.sealPart(ctx, d.ID, "sheet", d.given)
	return err
}

func (s *drafts) sealPart(ctx context.Context, of uuid.UUID, part string, value any) ([][]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write the %s of a draft: %w", part, err)
	}
	return sealed.SealPieces(ctx, s.box, sealedDraft, of.String()+"/"+part, raw)
}

func (s *drafts) open(ctx context.Context, d *draft) error {
	for part, into := range map[string]struct {
		pieces [][]byte
		value  any
	}{"files": {d.SealedFiles, &d.files}, "sheet": {d.SealedSheet, &d.given}, "refused": {d.SealedRefused, &d.refused}} {
		if into.pieces == nil {
			continue
		}
		raw, err := sealed.OpenPieces(ctx, s.box, sealedDraft, d.ID.String()+"/"+part, into.pieces)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, into.value); err != nil {
			return fmt.Errorf("read the %s of a draft: %w", part, err)
		}
	}
	return nil
}

// give replaces the sheet of a draft.
func (d *draft) give(table sheet.Table) {
	d.given, d.SealedSheet = &draftSheet{Key: "web-" + strings.ToLower(rand.Text()[:16]), Table: table}, nil
	d.Rows = len(table.Rows)
}

// put adds a file, in place of one of the same name.
func (d *draft) put(file draftFile) error {
	for i, f := range d.files {
		if f.ID == file.ID || nameKey(f.Name) == nameKey(file.Name) {
			d.files[i] = file
			return nil
		}
	}
	if len(d.files) == maxFiles {
		return tooManyFiles()
	}
	d.files = append(d.files, file)
	return nil
}

// whole says that every row was handed to intake.
func (d *draft) whole() bool { return d.BegunAt != nil && d.Sent == d.Rows }

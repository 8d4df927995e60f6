package certificate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// bundleOutcome is the result of one attempt to assemble a bundle.
type bundleOutcome struct {
	kind outcomeKind
	// step is what the bundle waits for next.
	step          wait
	reason        string // of a failure, as told
	detail        string // for operators
	original      []byte // the original certificate that came
	failed        []string
	retried       bool
	files         []bundle.Stored
	stampedAt, at time.Time
	newest        bundle.Stamp
}

// open reports whether the bundle is assembled later.
func (o bundleOutcome) open() bool { return o.kind == unavailable || o.retried }

// assemble does one claimed bundle.
func (s *service) assemble(ctx context.Context, j bundleJob) {
	o := s.tryBundle(ctx, j)
	o.at = s.clock.Now()
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	if err := s.settleBundle(sctx, j, o); err != nil {
		// Nothing is stored; after the lease the bundle is claimed again.
		s.log.LogAttrs(ctx, slog.LevelError, "bundle attempt not settled", slog.String("bundle", j.id.String()), slog.Any("error", err))
		return
	}
	s.metrics.assembled(ctx, o)
	if o.kind != passed {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a bundle was not assembled", slog.String("bundle", j.id.String()), slog.String("outcome", string(o.kind)),
			slog.String("step", o.step.String()), slog.String("detail", o.detail), slog.Any("failed", o.failed))
	}
}

// tryBundle makes one attempt: the distribution certificate is there or has failed, so the archive comes next, then the
// authority.
func (s *service) tryBundle(ctx context.Context, j bundleJob) bundleOutcome {
	if j.certificateState == failed {
		return bundleOutcome{kind: checkFailed, step: forDistribution, reason: j.certificateReason, detail: "the distribution certificate failed"}
	}
	distribution, err := s.distributionOf(ctx, j)
	if err != nil {
		return bundleOutcome{kind: unavailable, step: forDistribution, detail: err.Error()}
	}
	read, err := s.lookup.reading(ctx, j.edocNum)
	if err != nil {
		return bundleOutcome{kind: unavailable, step: forDistribution, detail: "circulation cannot be asked"}
	}
	return s.assembleOf(ctx, j, distribution, read)
}

// distributionOf opens the distribution certificate that the hub issued for the bundle.
func (s *service) distributionOf(ctx context.Context, j bundleJob) ([]byte, error) {
	pieces, err := findFile(ctx, s.db, j.id, j.certificateAttempt, j.certificateDigest)
	if err != nil {
		return nil, err
	}
	return openFile(ctx, s.sealed, j.id.String(), j.certificateAttempt, pieces)
}

func (s *service) assembleOf(ctx context.Context, j bundleJob, distribution []byte, read reading) bundleOutcome {
	var leading bundle.Leading
	if j.form == bundle.Evidence {
		var err error
		if leading, err = s.leading(ctx, j); err != nil {
			return bundleOutcome{kind: unavailable, step: forEvidence, detail: err.Error()}
		}
	}
	document, issuedBy, err := s.measureIssued(ctx, j.edocNum)
	if err != nil {
		return s.notIssuedNow(ctx, j, err)
	}
	o := bundleOutcome{step: forTimeStamp, original: issuedBy.GetOriginalCertificate()}
	if o.failed = s.judgeOriginal(j, document, issuedBy); len(o.failed) > 0 {
		o.kind, o.step, o.reason = checkFailed, forOriginal, becauseCheckFailed()
		return o
	}
	attachments, err := s.retained(ctx, j)
	if err != nil {
		return bundleOutcome{kind: unavailable, step: forOriginal, detail: err.Error()}
	}
	if stated, ok := s.statedReading(distribution); ok && !stated.Equal(read.at.Truncate(time.Second)) {
		// The certificate was issued before the document was read, or before this relay knew.
		read.at = stated
	}
	draft := s.draft(j, document, issuedBy, attachments, distribution, read)
	if j.form == bundle.Evidence {
		if err := draft.AddEvidence(leading); err != nil {
			return bundleOutcome{kind: unavailable, step: forEvidence, detail: err.Error()}
		}
	}
	made, err := bundle.Prepare(ctx, draft, s.assembler.signer, markedStamper{s.assembler.stamper})
	var noStamp *stampError
	switch {
	case errors.As(err, &noStamp):
		o.kind, o.detail = unavailable, noStamp.Error()
		return o
	case err != nil:
		o.kind, o.reason, o.detail = checkFailed, becauseCheckFailed(), err.Error()
		return o
	}
	o.kind, o.files, o.stampedAt, o.newest = passed, made.Files(), made.StampedAt, made.Newest
	return o
}

// digestOf is SHA-256 of the archive manifest among files, which covers everything.
func digestOf(files []bundle.Stored) []byte {
	for _, f := range files {
		if f.Name == asic.ArchiveManifest {
			return f.SHA256[:]
		}
	}
	return nil
}

// measureIssued has the archive issue the document, and measures it while it comes. Its bytes are not kept: this relay has
// them, or the archive issues them once more.
func (s *service) measureIssued(ctx context.Context, number string) (asic.Measure, *archivev1.IssuedDocument, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.lookup.archive.IssueDocument(ctx, &archivev1.IssueDocumentRequest{EdocNum: number})
	if err != nil {
		return asic.Measure{}, nil, err
	}
	var of *archivev1.IssuedDocument
	measure, err := asic.MeasureOf(&pieces{cancel: cancel, next: func() ([]byte, error) { return nextPiece(stream, &of) }})
	if err == nil && of == nil {
		err = io.ErrUnexpectedEOF
	}
	return measure, of, err
}

// notIssuedNow is the outcome of an archive that gave no document. A refusal is asked about again for as long as the patience.
func (s *service) notIssuedNow(ctx context.Context, j bundleJob, err error) bundleOutcome {
	f := fault.As(err)
	o := bundleOutcome{kind: unavailable, step: forOriginal, detail: f.Kind.String()}
	if f.Kind == fault.Conflict || f.Kind == fault.NotFound {
		o.kind, o.reason, o.retried = hubRefused, becauseArchiveRefused(), s.patient(ctx, j.refusedSince)
	}
	return o
}

// judgeOriginal names the checks of the original certificate that failed: by itself, and whether it is about this document and
// this registration.
func (s *service) judgeOriginal(j bundleJob, document asic.Measure, issuedBy *archivev1.IssuedDocument) []string {
	var names []string
	original, err := s.assembler.archives.Original(issuedBy.GetOriginalCertificate(), s.clock.Now())
	for _, check := range archivecert.FailedChecks(err) {
		names = append(names, "original_"+check.Name)
	}
	if hex.EncodeToString(document.SHA256[:]) != j.hash {
		names = append(names, "document_hash")
	}
	if err != nil {
		return names
	}
	if original.Covers(j.hash, j.bundled.attachmentHashes) != nil {
		names = append(names, "original_hash")
	}
	if original.RegistrationCertificateDigest != j.bundled.registrationDigest {
		names = append(names, "original_registration")
	}
	return names
}

// statedReading gives the read time that a distribution certificate states, zero for none; false where what it states cannot be
// read.
func (s *service) statedReading(pdf []byte) (time.Time, bool) {
	c, _, err := s.verifyDistribution(pdf, s.clock.Now())
	if err != nil || c == nil || !c.Readable() {
		return time.Time{}, false
	}
	return c.ReadAt, true
}

// retained has the content unit keep the documents for as long as the bundle, and measures the attachments. What it has no more
// is left out: its hash stands in the certificates.
func (s *service) retained(ctx context.Context, j bundleJob) (map[int]bundle.Content, error) {
	ids := append([]string{j.bundled.documentContent}, j.bundled.attachmentContents...)
	answer, err := s.contents.RetainContents(ctx, &contentv1.RetainContentsRequest{
		EdocNum: j.edocNum, Ids: ids, Until: timestamppb.New(s.clock.Now().Add(s.assembler.kept)),
	})
	if err != nil {
		return nil, fmt.Errorf("keep the documents: %w", err)
	}
	known, err := s.known(ctx, ids)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	for _, id := range answer.GetIds() {
		kept[id] = true
	}
	from := &source{contents: s.contents, deposits: s.lookup.archive, edocNum: j.edocNum}
	contents := map[int]bundle.Content{}
	for i, id := range j.bundled.attachmentContents {
		if !kept[id] || known[id] == nil {
			continue
		}
		open := func(ctx context.Context) (io.ReadCloser, error) { return from.fromContent(ctx, id) }
		measure, err := measureContent(ctx, open)
		if err != nil {
			return nil, err
		}
		media := known[id].GetMediaType()
		contents[i] = bundle.Content{
			Part:    bundle.Part{Role: bundle.RoleAttachment, Path: bundle.AttachmentPath(i+1, extension(media)), MediaType: media},
			Measure: measure, Open: open,
		}
	}
	return contents, nil
}

func measureContent(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) (asic.Measure, error) {
	content, err := open(ctx)
	if err != nil {
		return asic.Measure{}, err
	}
	measure, err := asic.MeasureOf(content)
	return measure, errors.Join(err, content.Close())
}

// draft puts the parts in their order.
func (s *service) draft(j bundleJob, document asic.Measure, issuedBy *archivev1.IssuedDocument, attachments map[int]bundle.Content, distribution []byte, read reading) bundle.Draft {
	media := issuedBy.GetMediaType()
	from := &source{contents: s.contents, deposits: s.lookup.archive, edocNum: j.edocNum}
	d := bundle.Draft{SignedAt: s.clock.Now(), Statement: bundle.Statement{
		Serial: j.id.String(), Form: bundle.Submission, EdocNum: j.edocNum, CertNum: j.certNum, Applicant: j.applicant(), AttachmentHashes: j.bundled.attachmentHashes,
		Circulation: bundle.Circulation{
			Sender:    bundle.Party{Address: j.senderAddress, PlatformID: j.bundled.senderPlatform},
			Recipient: bundle.Party{Address: j.recipientAddress, PlatformID: j.bundled.recipientPlatform},
			SentAt:    j.sentAt, ReceivedAt: j.receivedAt, ReadAt: read.at,
		},
	}}
	d.Contents = append(d.Contents, bundle.Content{
		Part: bundle.Part{Role: bundle.RoleDocument, Path: bundle.DocumentPath(extension(media)), MediaType: media}, Measure: document, Open: from.fromArchive,
	})
	for i := range j.bundled.attachmentContents {
		if c, there := attachments[i]; there {
			d.Contents = append(d.Contents, c)
		}
	}
	d.Contents = append(d.Contents,
		bundle.Bytes(bundle.RoleDistribution, bundle.DistributionPath, "application/pdf", distribution),
		bundle.Bytes(bundle.RoleOriginal, bundle.OriginalPath, "application/pkcs7-mime", issuedBy.GetOriginalCertificate()))
	return d
}

// extension of a file's name in the bundle, by its media type.
func extension(media string) string {
	if media == "application/pdf" {
		return "pdf"
	}
	if known, err := mime.ExtensionsByType(media); err == nil && len(known) > 0 && len(known[0]) <= 9 {
		return strings.TrimPrefix(known[0], ".")
	}
	return "bin"
}

// settleBundle stores and states the result together with the new state. A result that comes too late changes nothing.
func (s *service) settleBundle(ctx context.Context, j bundleJob, o bundleOutcome) error {
	kept, err := s.sealBundle(ctx, j.id, 0, o.files)
	if err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		err := settleBundle(ctx, tx, j, s.replica, o, s.config.Worker.Delay(j.attempt))
		if errors.Is(err, work.ErrLost) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, f := range o.files {
			if err := insertBundleFile(ctx, tx, j.id, i, f.Name, f.Measure, kept[i]); err != nil {
				return err
			}
		}
		if o.kind == passed {
			keptUntil := o.at.Add(s.assembler.kept)
			wait, due := s.config.Bundles.Renewal.dueIn(o.at, o.newest, keptUntil)
			if err := insertStamp(ctx, tx, j.id, o.newest, keptUntil, wait, due); err != nil {
				return err
			}
		}
		if err := tx.Record(ctx, bundleAttemptedFact(j, o)); err != nil || o.open() {
			return err
		}
		return tx.State(ctx, lane, bundleEventOf(j, o))
	})
}

// sealBundle seals the small ones of files that follow the first ones of a bundle.
func (s *service) sealBundle(ctx context.Context, id uuid.UUID, first int, files []bundle.Stored) ([][][]byte, error) {
	kept := make([][][]byte, len(files))
	for i, f := range files {
		if f.Content == nil {
			continue
		}
		var err error
		if kept[i], err = sealed.SealPieces(ctx, s.sealed, sealedBundle, bundleSubject(id, first+i), f.Content); err != nil {
			return nil, fmt.Errorf("seal file %d of bundle %s: %w", first+i, id, err)
		}
	}
	return kept, nil
}

// bundleFiles opens the small files of an issued bundle.
func (s *service) bundleFiles(ctx context.Context, id uuid.UUID) ([]bundle.Stored, error) {
	kept, err := listBundleFiles(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	files := make([]bundle.Stored, len(kept))
	for i, f := range kept {
		files[i] = bundle.Stored{Name: f.name, Measure: f.measure}
		if f.pieces == nil {
			continue
		}
		if files[i].Content, err = sealed.OpenPieces(ctx, s.sealed, sealedBundle, bundleSubject(id, f.n), f.pieces); err != nil {
			return nil, fmt.Errorf("open file %d of bundle %s: %w", f.n, id, err)
		}
	}
	return bundle.Numbered(files), nil
}

func bundleSubject(id uuid.UUID, n int) string { return fmt.Sprintf("%s/bundle/%d", id, n) }

package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
)

// settle writes down and states what came of an attempt, with the certificate that it brought. What comes too late, because
// somebody else has made the deposit or it has ended, is kept as evidence and changes nothing.
func (s *service) settle(ctx context.Context, j job, o outcome) error {
	var pieces [][]byte
	if len(o.receipt.certificate) > 0 {
		var err error
		if pieces, err = sealed.SealPieces(ctx, s.sealed, sealedCertificate, certificateSubject(j.number, j.attempt), o.receipt.certificate); err != nil {
			return fmt.Errorf("seal the registration certificate of %s: %w", j.number, err)
		}
	}
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		settled, err := s.settleState(ctx, tx, j, o)
		late := errors.Is(err, work.ErrLost)
		if err != nil && !late {
			return err
		}
		if pieces != nil {
			if err := insertCertificate(ctx, tx, j, o, late, pieces); err != nil {
				return err
			}
		}
		if late {
			return s.recordLate(ctx, tx, j, o)
		}
		return s.state(ctx, tx, settled, o)
	})
	if err == nil && o.kind == wrong {
		s.log.LogAttrs(ctx, slog.LevelError, "the archive gave a wrong certificate", slog.String("edoc_num", j.number), slog.String("finding", o.detail))
	}
	return err
}

// settleState writes the row, and returns the job with the document's newest resolution.
func (s *service) settleState(ctx context.Context, tx *journal.Tx, j job, o outcome) (settled job, err error) {
	settled = j
	reason, final := o.final()
	switch {
	case o.kind == deposited:
		settled.document, err = settleDeposited(ctx, tx, j, s.doneBy(j, o))
		return settled, err
	case final:
		settled.document, err = settleFailed(ctx, tx, j, o, reason)
		return settled, err
	default:
		return settled, settleLater(ctx, tx, j, o, s.config.Deposits.delay(j.attempt, rand.Float64())) //nolint:gosec // jitter needs no secrecy
	}
}

func (s *service) doneBy(j job, o outcome) done {
	return done{
		document: j.document, archive: s.config.Archive.Name, archiveDocument: o.receipt.document, registeredAt: o.registration.RegisteredAt,
		digest: o.registration.Digest, attempt: j.attempt, depositedAt: o.at,
	}
}

// state states an attempt that counts.
func (s *service) state(ctx context.Context, tx *journal.Tx, j job, o outcome) error {
	if o.kind != deposited {
		if err := tx.Record(ctx, s.attempted(j, o, o.detail)); err != nil {
			return err
		}
		if reason, final := o.final(); final {
			return tx.State(ctx, j.lane, failedFact(j.document, actor, o.at, reason))
		}
		return nil
	}
	if err := s.recordOther(ctx, tx, j, o); err != nil {
		return err
	}
	return tx.State(ctx, j.lane, depositedFact(s.doneBy(j, o), actor, o.at))
}

// recordOther records that the archive told of another registration of the document, or may have made one.
func (s *service) recordOther(ctx context.Context, tx *journal.Tx, j job, o outcome) error {
	switch {
	case o.other != nil:
		return s.recordDoubled(ctx, tx, j, o, registered{document: o.other.document, digest: archivecert.Digest(o.other.certificate)})
	case j.uncertain && !s.config.Archive.recognises():
		other, err := otherRegistration(ctx, tx, j.number, o.receipt.document)
		if err != nil {
			return err
		}
		return s.recordDoubled(ctx, tx, j, o, other)
	default:
		return nil
	}
}

// recordLate records an attempt whose result came after its claim was lost.
func (s *service) recordLate(ctx context.Context, tx *journal.Tx, j job, o outcome) error {
	if err := tx.Record(ctx, s.attempted(j, o, "too late: "+o.lateDetail())); err != nil {
		return err
	}
	counting, known, err := certificateOf(ctx, tx, j.number)
	if err != nil || !known || len(o.receipt.certificate) == 0 {
		return err
	}
	late := registered{document: o.receipt.document, digest: archivecert.Digest(o.receipt.certificate)}
	if counting == late {
		return nil // the archive recognised it
	}
	return s.recordDoubled(ctx, tx, j, o, late)
}

func (o outcome) lateDetail() string {
	if o.kind == deposited {
		return "registered"
	}
	return o.detail
}

// recordDoubled makes visible that the archive holds, or may hold, a second registration.
func (s *service) recordDoubled(ctx context.Context, tx *journal.Tx, j job, o outcome, other registered) error {
	s.log.LogAttrs(ctx, slog.LevelWarn, "a document may be registered twice at the archive; the first certificate counts", slog.String("edoc_num", j.number),
		slog.String("archive_document", other.document))
	s.metrics.doubled.Add(ctx, 1)
	return tx.Record(ctx, s.doubledFact(j, o, other))
}

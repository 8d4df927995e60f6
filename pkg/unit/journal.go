package unit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/rpc"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// logKey is the name of the key that signs a unit's checkpoints and cosignatures.
const logKey = "log"

// keyInterval is how often to look for frame keys to destroy.
const keyInterval = 24 * time.Hour

// buildJournal makes what states, publishes, logs and checks facts.
func (h *host) buildJournal(ctx context.Context, rt Runtime, config Config) error {
	owner := journal.OwnerOf(rt.Platform, h.unit.Name)
	signer, err := h.keys.NoteSigner(ctx, logKey, owner)
	if err != nil {
		return err
	}
	frameKeys := journal.NewKeys(h.keys, rt.Clock)
	deps := journal.Deps{Unit: h.unit.Name, DB: h.pool, Clock: rt.Clock, Keys: frameKeys, States: h.unit.States, Paced: h.unit.Paced, Policy: h.unit.Policy,
		Publication: publication(rt), Committed: func(frames []journal.Sealed) { h.publisher.Committed(frames) }, Barred: h.wentBack,
		Full: func() error { return h.publisher.Full() }}
	if h.env.Journal, err = journal.New(deps); err != nil {
		return err
	}
	pace := 0
	if h.unit.Pace != nil {
		pace = h.unit.Pace(config)
	}
	if h.publisher, err = journal.NewPublisher(journal.PublisherDeps{Unit: h.unit.Name, DB: h.pool, Keys: frameKeys, Clock: rt.Clock, Bus: h.conn,
		Log: h.telemetry.Log, Meter: h.telemetry.Meter, Rules: h.env.Journal.Rules(), EventsPerSecond: pace, Backlog: rt.Backlog}); err != nil {
		return err
	}
	logger := journal.LoggerDeps{Unit: h.unit.Name, DB: h.pool, Keys: frameKeys, Store: h.keys, Signer: signer, Clock: rt.Clock, Log: h.telemetry.Log, Meter: h.telemetry.Meter}
	logger.Publication = publication(rt)
	if h.unit.Witness != "" {
		logger.Witness, logger.CosignEvery = h.witness, rt.CosignEvery
	}
	if rt.CheckpointDir != "" {
		logger.Export = journal.ExportTo(rt.CheckpointDir, signer)
	}
	if h.logger, err = journal.NewLogger(logger); err != nil {
		return err
	}
	if err := errors.Join(h.buildStamper(rt), h.buildOutside(rt, signer)); err != nil {
		return err
	}
	if err := h.logger.Compare(ctx); err != nil {
		return err
	}
	if rt.Reopen != "" && h.logger.WentBack() != nil {
		if err := h.reopen(ctx, rt.Reopen); err != nil {
			return err
		}
	}
	h.readerKeys = journal.NewReaderKeys(h.frameKey)
	unknown, err := h.telemetry.Meter.Int64Counter("naru.journal.unknown.keys", metric.WithDescription("Questions of readers for a frame key that this unit never had."))
	if err != nil {
		return fmt.Errorf("make journal instruments: %w", err)
	}
	h.journals = &journalService{unit: h.unit, platform: rt.Platform, journal: h.env.Journal, logger: h.logger, keys: frameKeys, log: h.telemetry.Log, unknown: unknown,
		witness: &journal.WitnessOf{Journal: h.env.Journal, Store: h.keys, Key: signer, Clock: rt.Clock}}
	return nil
}

// buildStamper makes what has checkpoints stamped, where there is an authority.
func (h *host) buildStamper(rt Runtime) error {
	if rt.TimeStamps == nil {
		return nil
	}
	deps := journal.StamperDeps{Unit: h.unit.Name, DB: h.pool, Authority: rt.TimeStamps, Publication: publication(rt), Every: rt.StampEvery, Clock: rt.Clock,
		Log: h.telemetry.Log, Meter: h.telemetry.Meter}
	if rt.CheckpointDir != "" {
		deps.Export = journal.ExportStampsTo(rt.CheckpointDir)
	}
	var err error
	h.stamper, err = journal.NewStamper(deps)
	return err
}

// buildOutside makes what has checkpoints cosigned outside of the relay. Without a witness there its metrics are there all the
// same: an absent series would look like an alert that cannot fire.
func (h *host) buildOutside(rt Runtime, signer *keys.NoteKey) error {
	deps := journal.OutsideDeps{Unit: h.unit.Name, DB: h.pool, Witnesses: rt.Outside, Publication: publication(rt), Every: rt.CosignEvery, Clock: rt.Clock,
		Log: h.telemetry.Log, Meter: h.telemetry.Meter}
	if rt.CheckpointDir != "" {
		deps.Export = journal.ExportTo(rt.CheckpointDir, signer)
	}
	var err error
	h.outside, err = journal.NewOutside(deps)
	return err
}

// publication says which checkpoints of a unit's log are published.
func publication(rt Runtime) journal.Publication {
	p := journal.Publication{Required: rt.WitnessesRequired, Outside: []string{}}
	for _, w := range rt.Outside {
		p.Outside = append(p.Outside, journal.WitnessID(w.Verifier()))
	}
	return p
}

// localOperator is who starts a unit by hand.
const localOperator = "operator:local"

// reopen begins a new generation of the log before the unit works: where the gateway's own database went back, nobody can log in
// to ask for it.
func (h *host) reopen(ctx context.Context, reason string) error {
	violations, err := rpc.Check(&platformv1.ReopenLogRequest{Unit: h.unit.Name, Reason: reason})
	if err == nil && len(violations) > 0 {
		err = fmt.Errorf("the reason for reopening: %s", violations[0].Message)
	}
	if err != nil {
		return err
	}
	generation, err := h.logger.Reopen(ctx, h.env.Journal, localOperator, reason)
	if err != nil {
		return err
	}
	h.telemetry.Log.LogAttrs(ctx, slog.LevelWarn, "the log was reopened over a database that went back", slog.Int("generation", generation))
	return nil
}

// wentBack tells that the database was set back. Until an operator's act the unit states nothing, so it takes no facts and gives
// no answers that depend on what is lost.
func (h *host) wentBack() error {
	err := h.logger.WentBack()
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, h.unit.Name, fault.Word("DATABASE_WENT_BACK"), err.Error()+": an operator has to look, runbook DatabaseWentBack")
}

// lookAgain is the pause between two looks whether an operator has acted.
const lookAgain = 200 * time.Millisecond

// whole has tasks begin once the database is known to hold what was signed.
func (h *host) whole(tasks []lifecycle.Task) []lifecycle.Task {
	for i, task := range tasks {
		tasks[i].Run = func(ctx context.Context) error {
			for h.logger.WentBack() != nil {
				if err := lifecycle.Wait(ctx, lookAgain); err != nil {
					return err
				}
			}
			return task.Run(ctx)
		}
	}
	return tasks
}

// destroyKeys removes the frame keys that are not needed any more. Where keys are provisioned, whoever provisions them does that.
func (h *host) destroyKeys(ctx context.Context) {
	oldest, err := journal.OldestWaiting(ctx, h.pool)
	var expiry time.Time
	if err == nil {
		expiry, err = h.env.Expiry(ctx)
	}
	var gone []string
	if err == nil {
		gone, err = h.journals.keys.DestroyOld(ctx, expiry, oldest)
	}
	if len(gone) > 0 || err != nil && ctx.Err() == nil {
		h.telemetry.Log.LogAttrs(ctx, slog.LevelInfo, "frame keys destroyed", slog.Any("names", gone), slog.Any("error", err))
	}
}

// frameKey asks a producing unit for the key by which this unit checks its frames. NOT_FOUND means that the producer has
// destroyed the key. A key it never had may belong to another replica, so the frame waits.
func (h *host) frameKey(ctx context.Context, producer, keyID string) ([]byte, error) {
	conn, err := h.env.Dial(producer)
	if err != nil {
		return nil, err
	}
	answer, err := platformv1.NewJournalServiceClient(conn).GetFrameKey(ctx, &platformv1.GetFrameKeyRequest{KeyId: keyID})
	if fault.KindOf(err) == fault.NotFound {
		return nil, journal.ErrKeyDestroyed
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s for the key of its frames: %w", producer, err)
	}
	return answer.GetKey(), nil
}

// witness asks the unit's witness to cosign a checkpoint.
func (h *host) witness(ctx context.Context, r journal.Request) (journal.Answer, error) {
	conn, err := h.env.Dial(h.unit.Witness)
	if err != nil {
		return journal.Answer{}, err
	}
	asked := &platformv1.WitnessRequest{Checkpoint: r.Checkpoint, VerifierKey: r.VerifierKey, OldSize: r.OldSize, Lost: r.Lost}
	for _, hash := range r.Proof {
		asked.Proof = append(asked.Proof, hash[:])
	}
	answer, err := platformv1.NewJournalServiceClient(conn).Witness(ctx, asked)
	if err != nil {
		return journal.Answer{}, fmt.Errorf("ask %s: %w", h.unit.Witness, err)
	}
	return journal.Answer{Cosigned: answer.GetCosigned(), SeenSize: answer.GetSeenSize(), VerifierKey: answer.GetVerifierKey()}, nil
}

// clockEvidence records what the watch measured: the times in the journal are worth only as much as the clock was.
func (h *host) clockEvidence(ctx context.Context, s clock.Sample) error {
	return h.env.Journal.InTx(ctx, func(tx *journal.Tx) error {
		return tx.Record(ctx, journal.Fact{Subject: id.New().String(), Actor: "unit:" + h.unit.Name, OccurredAt: s.At, Message: &platformv1.ClockMeasured{
			MeasuredAt: timestamppb.New(s.At), Offset: durationpb.New(s.Offset), MaxError: durationpb.New(s.MaxError), EstimatedError: durationpb.New(s.EstError),
			Synchronised: s.Synchronised, Problem: s.Problem,
		}})
	})
}

// journalService gives readers their keys, cosigns for other units, and shows the operator what is held.
type journalService struct {
	platformv1.UnsafeJournalServiceServer
	platformv1.UnsafeJournalAdminServiceServer
	unit     Unit
	platform string
	journal  *journal.Journal
	logger   *journal.Logger
	keys     *journal.Keys
	witness  *journal.WitnessOf
	log      *slog.Logger
	// unknown counts requests for keys that this replica does not have: another replica may have them, or nobody.
	unknown metric.Int64Counter
}

var (
	_ platformv1.JournalServiceServer      = (*journalService)(nil)
	_ platformv1.JournalAdminServiceServer = (*journalService)(nil)
)

func (s *journalService) GetFrameKey(ctx context.Context, r *platformv1.GetFrameKeyRequest) (*platformv1.GetFrameKeyResponse, error) {
	reader := authn.CallingUnit(ctx)
	for _, rule := range s.journal.Rules() {
		if !rule.ReadBy(reader) {
			continue
		}
		key, err := s.keys.Export(ctx, r.GetKeyId(), reader)
		switch {
		case errors.Is(err, journal.ErrKeyDestroyed):
			return nil, fault.New(fault.NotFound, s.unit.Name, fault.Word("FRAME_KEY_DESTROYED"), "the frame key of this id was destroyed")
		case errors.Is(err, journal.ErrKeyUnknown), errors.Is(err, keys.ErrNotFound):
			s.unknown.Add(ctx, 1)
			s.log.LogAttrs(ctx, slog.LevelError, "a reader asks for a frame key that this unit never had", slog.String("key_id", r.GetKeyId()), slog.String("reader", reader))
			return nil, fault.New(fault.Conflict, s.unit.Name, fault.Word("FRAME_KEY_UNKNOWN"), "this unit never had a frame key of this id")
		case err != nil:
			return nil, err
		}
		return &platformv1.GetFrameKeyResponse{Key: key}, nil
	}
	return nil, fault.New(fault.Denied, s.unit.Name, fault.Word("NOT_A_READER"), "this unit reads nothing of what is stated here")
}

func (s *journalService) Witness(ctx context.Context, r *platformv1.WitnessRequest) (*platformv1.WitnessResponse, error) {
	asked := journal.Request{Checkpoint: r.GetCheckpoint(), VerifierKey: r.GetVerifierKey(), OldSize: r.GetOldSize(), Lost: r.GetLost()}
	for _, hash := range r.GetProof() {
		asked.Proof = append(asked.Proof, tlog.Hash(hash))
	}
	answer, err := s.witness.Cosign(ctx, journal.OwnerOf(s.platform, authn.CallingUnit(ctx)), asked)
	if errors.Is(err, journal.ErrNotExtended) {
		return nil, fault.New(fault.Conflict, s.unit.Name, fault.Word("CHECKPOINT_NOT_EXTENDED"), err.Error())
	}
	if err != nil {
		return nil, err
	}
	return &platformv1.WitnessResponse{Cosigned: answer.Cosigned, SeenSize: answer.SeenSize, VerifierKey: answer.VerifierKey}, nil
}

func (s *journalService) ProveDocument(ctx context.Context, r *platformv1.ProveDocumentRequest) (*platformv1.ProveDocumentResponse, error) {
	proved, err := s.journal.ProveDocument(ctx, s.unit.Proves, r.GetEdocNum())
	if errors.Is(err, journal.ErrNotWitnessed) {
		return nil, fault.New(fault.Unavailable, s.unit.Name, fault.Word("FACTS_NOT_WITNESSED"), err.Error())
	}
	if err != nil {
		return nil, err
	}
	return &platformv1.ProveDocumentResponse{Proof: proved}, nil
}

func (s *journalService) ListHeldFrames(ctx context.Context, r *platformv1.ListHeldFramesRequest) (*platformv1.ListHeldFramesResponse, error) {
	behind, err := page.After(r.GetPageToken(), uuid.Nil, pageTokenInvalid(s.unit.Name))
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := journal.ListHeld(ctx, s.journal.DB(), behind, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last journal.Held) uuid.UUID { return last.ID })
	if err != nil {
		return nil, err
	}
	answer := &platformv1.ListHeldFramesResponse{NextPageToken: next}
	for _, f := range found {
		shown := &platformv1.HeldFrame{FrameId: f.ID.String(), Kind: string(f.Kind), Events: int32(f.Count), RecordedAt: timestamppb.New(f.RecordedAt), Refused: f.Refused}
		if !f.HeldAt.IsZero() {
			shown.HeldAt = timestamppb.New(f.HeldAt)
		}
		answer.Frames = append(answer.Frames, shown)
	}
	return answer, nil
}

func (s *journalService) ReleaseFrame(ctx context.Context, r *platformv1.ReleaseFrameRequest) (*platformv1.ReleaseFrameResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	frameID, err := uuid.Parse(r.GetFrameId())
	if err != nil {
		return nil, fault.New(fault.Invalid, s.unit.Name, fault.InvalidRequest, "frameId is no UUID")
	}
	if err := s.journal.Release(ctx, frameID, operator.ID, r.GetReason()); errors.Is(err, journal.ErrNotHeld) {
		return nil, fault.New(fault.NotFound, s.unit.Name, fault.Word("FRAME_NOT_HELD"), "no held frame has this id")
	} else if err != nil {
		return nil, err
	}
	return &platformv1.ReleaseFrameResponse{}, nil
}

func (s *journalService) PublishAgain(ctx context.Context, r *platformv1.PublishAgainRequest) (*platformv1.PublishAgainResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	again, err := s.journal.PublishAgain(ctx, r.GetSince().AsTime(), operator.ID, r.GetReason())
	if errors.Is(err, journal.ErrTooLongAgo) {
		return nil, fault.New(fault.Invalid, s.unit.Name, fault.InvalidRequest, "the request breaks rules",
			fault.WithViolations(fault.Violation{Field: "since", Rule: "timestamp.recent", Message: err.Error()}))
	}
	if err != nil {
		return nil, err
	}
	answer := &platformv1.PublishAgainResponse{Frames: again.Frames}
	if !again.Until.IsZero() {
		answer.Until = timestamppb.New(again.Until)
	}
	return answer, nil
}

func (s *journalService) ReopenLog(ctx context.Context, r *platformv1.ReopenLogRequest) (*platformv1.ReopenLogResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	generation, err := s.logger.Reopen(ctx, s.journal, operator.ID, r.GetReason())
	if errors.Is(err, journal.ErrLogWhole) {
		return nil, fault.New(fault.Conflict, s.unit.Name, fault.Word("LOG_WHOLE"), "the log holds all that was signed; there is nothing to reopen")
	}
	if err != nil {
		return nil, err
	}
	return &platformv1.ReopenLogResponse{Generation: int32(generation)}, nil //nolint:gosec // it counts restores
}

// verifierKeys are the unit's log key and its key for cosignatures.
func (s *journalService) verifierKeys() []string {
	return []string{s.witness.Key.Public, s.witness.Key.PublicCosigner}
}

// PublicKinds are the kinds of facts that leave a unit.
func (u Unit) PublicKinds() []frame.Kind {
	var public []frame.Kind
	for _, message := range u.States {
		if rule, err := journal.RuleOf(message); err == nil && rule.Public {
			public = append(public, rule.Kind)
		}
	}
	return public
}

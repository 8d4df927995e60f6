package hub

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/hubpush"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// pushDoor takes what the hub pushes. A push is kept and stated before it is answered, so the hub need not push again what was
// answered.
type pushDoor struct {
	journal  *journal.Journal
	sealed   *sealed.Box
	clock    clock.Clock
	log      *slog.Logger
	metrics  *metrics
	keys     map[string]*ecdsa.PublicKey
	platform string
	config   PushConfig
	places   chan struct{}
	refusals *refusals
}

// Outcomes of a push, as counted.
const (
	pushKept      = "kept"
	pushRepeated  = "repeated"
	pushDiffers   = "differs"
	pushRefused   = "refused"
	pushMalformed = "malformed"
	pushNotKept   = "not_kept"
)

// ServeHTTP answers with the form of the hub's own interface: 200 and resultCode 1 for what is kept, now or before, and
// resultCode 0 for what never will be. 401 says that the signature does not hold, 400 that the body makes no sense, 503 that it
// is to be pushed again.
func (d *pushDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	outcome, err := d.take(w, r)
	if outcome == pushRefused || outcome == pushMalformed {
		// Only what is stated is refused for good.
		if failure := d.refuse(ctx, r.Header.Get(hubpush.Header), err); failure != nil {
			outcome, err = pushNotKept, failure
		}
	}
	d.metrics.pushed(ctx, outcome)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	d.log.LogAttrs(ctx, level, "the hub pushed", slog.String("outcome", outcome), slog.Any("error", err))
	status, body := http.StatusOK, `{"resultCode":1}`
	switch outcome {
	case pushDiffers:
		body = `{"resultCode":0,"errCode":"ERR-01-503"}`
	case pushRefused:
		status, body = http.StatusUnauthorized, `{"resultCode":0,"errCode":"ERR-01-101"}`
	case pushMalformed:
		status, body = http.StatusBadRequest, `{"resultCode":0,"errCode":"ERR-01-201"}`
	case pushNotKept:
		status, body = http.StatusServiceUnavailable, `{"resultCode":0,"errCode":"ERR-01-999"}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// take judges a push. Nothing of the body is read before the signature holds.
func (d *pushDoor) take(w http.ResponseWriter, r *http.Request) (outcome string, _ error) {
	signature, err := hubpush.Verify(r.Header.Get(hubpush.Header), d.keys, d.platform, d.clock.Now(), d.config.Skew.Std())
	if err != nil {
		return pushRefused, err
	}
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	default:
		return pushNotKept, errors.New("too many pushes at once")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, d.config.MaxBytes))
	if err != nil {
		return pushMalformed, errors.New("the body is too large or was cut off")
	}
	contentType := r.Header.Get("Content-Type")
	if err := signature.Covers(contentType, body); err != nil {
		return pushRefused, err
	}
	pushed, err := hubclient.ReadPush(contentType, body)
	if err != nil {
		return pushMalformed, err
	}
	ctx, cancel := work.Settling(r.Context())
	defer cancel()
	if outcome, err = d.keep(ctx, signature, pushed, recordOfPush(r.Header.Get(hubpush.Header), contentType, body)); err != nil {
		return pushNotKept, err
	}
	return outcome, nil
}

// refuse states a refusal, also when whoever pushed has gone.
func (d *pushDoor) refuse(ctx context.Context, signature string, refusal error) error {
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	return d.refusals.state(ctx, signature, refusal)
}

// recordOfPush is a push as it is kept.
func recordOfPush(signature, contentType string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP\r\n%s: %s\r\nContent-Type: %s\r\n\r\n", hubpush.Path, hubpush.Header, signature, contentType), body...)
}

// keep stores a push and states it, once for each certificate number.
func (d *pushDoor) keep(ctx context.Context, signature hubpush.Signature, pushed hubclient.Pushed, raw []byte) (string, error) {
	p := push{id: id.New(), Pushed: pushed, pdfDigest: sha256.Sum256(pushed.PDF), rawDigest: sha256.Sum256(raw), receivedAt: d.clock.Now()}
	packed, err := pack(raw)
	if err != nil {
		return "", err
	}
	pieces, err := sealed.SealPieces(ctx, d.sealed, sealedExchange, pushSubject(p.id), packed)
	if err != nil {
		return "", fmt.Errorf("seal push %s: %w", p.id, err)
	}
	outcome := pushKept
	err = d.journal.InTx(ctx, func(tx *journal.Tx) error {
		insertPushRequest(tx, p, pieces)
		first, digest, err := insertPush(ctx, tx, p)
		if err != nil {
			return err
		}
		if first == p.id {
			return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, pushReceivedFact(p, signature))
		}
		same := digest == p.pdfDigest
		if outcome = pushRepeated; !same {
			outcome = pushDiffers
		}
		return tx.Record(ctx, pushRepeatedFact(p, first, same, signature))
	})
	return outcome, err
}

func pushSubject(push uuid.UUID) string { return push.String() + "/push" }

// push is a push whose signature held.
type push struct {
	hubclient.Pushed
	id                   uuid.UUID
	pdfDigest, rawDigest [sha256.Size]byte
	receivedAt           time.Time
}

const insertPushRequestSQL = `
	insert into push_request (id, cert_num, digest, request, received_at, commit_id)
	values ($1, $2, $3, $4, $5, $6)`

func insertPushRequest(tx *journal.Tx, p push, pieces [][]byte) {
	tx.Later(fmt.Sprintf("insert push %s", p.id), insertPushRequestSQL, p.id, p.Number, p.rawDigest[:], pieces, p.receivedAt, tx.CommitID())
}

const insertPushSQL = `
	insert into push (cert_num, id, edoc_num, address, pdf_digest, received_at, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7)
	    on conflict (cert_num) do nothing`

const firstPushSQL = `
	select id, pdf_digest
	  from push
	 where cert_num = $1`

// insertPush keeps the first push under a number, and says which that is.
func insertPush(ctx context.Context, tx *journal.Tx, p push) (first uuid.UUID, digest [sha256.Size]byte, err error) {
	if err := pg.Exec(ctx, tx, fmt.Sprintf("insert push %s", p.id), insertPushSQL, p.Number, p.id, p.EdocNum, p.Address, p.pdfDigest[:], p.receivedAt,
		tx.CommitID()); err != nil {
		return first, digest, err
	}
	var stored []byte
	known, err := pg.Scan(ctx, tx, "find push", []any{&first, &stored}, firstPushSQL, p.Number)
	if err == nil && !known {
		err = errors.New("find push: it is missing")
	}
	copy(digest[:], stored)
	return first, digest, err
}

const pushPiecesSQL = `
	select request
	  from push_request
	 where id = $1`

// GetPushedCertificate gives a certificate that the hub pushed.
func (s *server) GetPushedCertificate(ctx context.Context, r *hubv1.GetPushedCertificateRequest) (*hubv1.GetPushedCertificateResponse, error) {
	pushID, err := uuid.Parse(r.GetPush())
	if err != nil {
		return nil, pushNotFound()
	}
	var pieces [][]byte
	known, err := pg.Scan(ctx, s.exchanger.recorder.journal.DB(), "read push", []any{&pieces}, pushPiecesSQL, pushID)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, pushNotFound()
	}
	pushed, err := openPush(ctx, s.exchanger.recorder.sealed, pushID, pieces)
	if err != nil {
		return nil, err
	}
	return &hubv1.GetPushedCertificateResponse{CertNum: pushed.Number, Pdf: pushed.PDF}, nil
}

// openPush opens a push that was kept.
func openPush(ctx context.Context, box sealed.Opener, pushID uuid.UUID, pieces [][]byte) (hubclient.Pushed, error) {
	packed, err := sealed.OpenPieces(ctx, box, sealedExchange, pushSubject(pushID), pieces)
	if err != nil {
		return hubclient.Pushed{}, fmt.Errorf("open push %s: %w", pushID, err)
	}
	contentType, body, err := unpackPush(packed)
	if err == nil {
		var pushed hubclient.Pushed
		if pushed, err = hubclient.ReadPush(contentType, body); err == nil {
			return pushed, nil
		}
	}
	return hubclient.Pushed{}, fault.New(fault.Corrupt, domain, nil, "", fault.Wrap(fmt.Errorf("open push %s: %w", pushID, err)))
}

func pushReceivedFact(p push, signature hubpush.Signature) journal.Fact {
	return journal.Fact{Subject: p.id.String(), Ordinal: 1, Actor: actor, OccurredAt: p.receivedAt, Message: &hubv1.HubPushReceived{
		CertNum: p.Number, EdocNum: p.EdocNum, Address: p.Address, PdfDigest: p.pdfDigest[:], ReceivedAt: timestamppb.New(p.receivedAt),
		KeyId: signature.KeyID, Nonce: signature.Nonce, RequestDigest: p.rawDigest[:],
	}}
}

func pushRepeatedFact(p push, first uuid.UUID, same bool, signature hubpush.Signature) journal.Fact {
	return journal.Fact{Subject: p.id.String(), Ordinal: 1, Actor: actor, OccurredAt: p.receivedAt, Message: &hubv1.HubPushRepeated{
		CertNum: p.Number, First: first.String(), Same: same, PdfDigest: p.pdfDigest[:], KeyId: signature.KeyID, Nonce: signature.Nonce,
	}}
}

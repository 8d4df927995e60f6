package idp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// The phone: POST /notices is the target of a relay's notices, which follow Standard Webhooks (headers webhook-id,
// webhook-timestamp and webhook-signature).

const (
	maxNotice       = 64 << 10
	noticeTolerance = 5 * time.Minute
	writeTimeout    = 10 * time.Second
	secretPrefix    = "whsec_"
)

func noticeKey(secret string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil, errors.New("read notice secret: no whsec_ before it")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return nil, errors.New("read notice secret: not base64")
	}
	return key, nil
}

// notices stores notices in groups: those that arrive while a group is being written form the next one. A relay sends thousands
// at once.
type notices struct {
	mu      sync.Mutex
	waiting noticeColumns
	writing bool
}

type noticeColumns struct {
	ids        []uuid.UUID
	webhookIDs []*string
	times      []time.Time
	bodies     []string
	stored     []chan error
}

const insertNoticesSQL = `
	insert into notice (notice_id, webhook_id, received_at, body)
	select n.notice_id, n.webhook_id, n.received_at, n.body
	  from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) as n (notice_id, webhook_id, received_at, body)
	 order by n.webhook_id
	    on conflict (webhook_id) do nothing`

// storeNotice returns after the notice is stored.
func (s *System) storeNotice(ctx context.Context, webhookID *string, body string) error {
	stored := make(chan error, 1)
	s.notices.mu.Lock()
	w := &s.notices.waiting
	w.ids, w.webhookIDs, w.times = append(w.ids, id.New()), append(w.webhookIDs, webhookID), append(w.times, s.Clock.Now())
	w.bodies, w.stored = append(w.bodies, body), append(w.stored, stored)
	idle := !s.notices.writing
	s.notices.writing = true
	s.notices.mu.Unlock()
	if idle {
		go s.writeNotices(context.WithoutCancel(ctx))
	}
	return <-stored
}

// writeNotices writes until no notice waits.
func (s *System) writeNotices(ctx context.Context) {
	for {
		s.notices.mu.Lock()
		taken := s.notices.waiting
		s.notices.waiting, s.notices.writing = noticeColumns{}, len(taken.ids) > 0
		s.notices.mu.Unlock()
		if len(taken.ids) == 0 {
			return
		}
		writeCtx, cancel := context.WithTimeout(ctx, writeTimeout)
		err := pg.Exec(writeCtx, s.DB, "store notices", insertNoticesSQL, taken.ids, taken.webhookIDs, taken.times, taken.bodies)
		cancel()
		for _, stored := range taken.stored {
			stored <- err
		}
	}
}

// takeNotice stores a notice. A repeated webhook-id is stored once.
func (s *System) takeNotice(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
	if err != nil || !utf8.Valid(body) || strings.Contains(string(body), "\x00") || !utf8.ValidString(r.Header.Get("webhook-id")) {
		return nil, fault.New(fault.Invalid, domain, reasonRequestInvalid, "a notice is text of at most 64 KiB")
	}
	if err := s.checkSignature(r.Header, body); err != nil {
		return nil, fault.New(fault.Unauthenticated, domain, reasonNoticeRefused, "the notice is not signed as agreed", fault.Wrap(err))
	}
	if contact := invitedAt(body); contact != "" && s.misbehaves(w, r, contact) {
		return scenario.Written{}, nil
	}
	return scenario.NoContent{}, s.storeNotice(r.Context(), pg.OrNull(r.Header.Get("webhook-id")), string(body))
}

// checkSignature accepts everything if no secret is configured.
func (s *System) checkSignature(header http.Header, body []byte) error {
	secret := string(s.config.NoticeSecretFile.Value())
	if secret == "" {
		return nil
	}
	key, err := noticeKey(secret)
	if err != nil {
		return err
	}
	webhookID, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || webhookID == "" {
		return errors.New("check notice: headers missing")
	}
	if age := s.Clock.Now().Sub(time.Unix(seconds, 0)); age > noticeTolerance || age < -noticeTolerance {
		return errors.New("check notice: too old or from the future")
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", webhookID, stamp, body)
	want := mac.Sum(nil)
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		version, encoded, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if version == "v1" && err == nil && hmac.Equal(given, want) {
			return nil
		}
	}
	return errors.New("check notice: no signature fits")
}

// Notice is one notice that the phone received.
type Notice struct {
	ID         string    `json:"id"`
	WebhookID  *string   `json:"webhookId"`
	ReceivedAt time.Time `json:"receivedAt"`
	// Body is the received JSON. A text that is not JSON becomes a JSON string.
	Body json.RawMessage `json:"body"`
}

const listNoticesSQL = `
	select notice_id::text, webhook_id, received_at, body
	  from (select notice_id, webhook_id, received_at, body
	          from notice
	         order by notice_id desc
	         limit 1000) as latest
	 order by notice_id`

// listNotices serves GET /sandbox/notices: the latest 1,000, oldest first.
func (s *System) listNotices(_ http.ResponseWriter, r *http.Request) (any, error) {
	notices, err := pg.All(r.Context(), s.DB, "list notices", scanNotice, listNoticesSQL)
	return map[string]any{"notices": notices}, err
}

func scanNotice(row pgx.CollectableRow) (Notice, error) {
	var n Notice
	var body string
	if err := row.Scan(&n.ID, &n.WebhookID, &n.ReceivedAt, &body); err != nil {
		return n, err
	}
	n.Body = json.RawMessage(body)
	if !json.Valid(n.Body) {
		text, err := json.Marshal(body)
		if err != nil {
			return n, err
		}
		n.Body = text
	}
	return n, nil
}

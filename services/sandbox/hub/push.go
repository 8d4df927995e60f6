package hub

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/hubpush"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// pushHead is the JSON part of a push; ours.
type pushHead struct {
	CertNum string `json:"certNum"`
	EdocNum string `json:"edocNum"`
	Eaddr   string `json:"eaddr"`
}

// push is an issued certificate that is to be pushed to the applicant's relay.
type push struct {
	platformID string
	head       pushHead
	pdf        []byte
	// key signs; it claims the hub's id.
	key pushKey
	due time.Time
	try int
}

// pushKey is a key under the hub's id.
type pushKey struct {
	crypto.Signer
	id string
}

// KeyID is that of the hub's key, also of a forger's.
func (k pushKey) KeyID() string { return k.id }

// pusher pushes issued certificates (guide 4.1.2); nil without a push URL.
type pusher struct {
	system *System
	url    string
	key    pushKey
	client *http.Client
	queue  chan push
}

const (
	pushQueue   = 256
	pushTries   = 10
	pushPause   = time.Second
	pushTimeout = 10 * time.Second
	// foreignApplicant is whom a push names by the scenario push-foreign.
	foreignApplicant = "somebody-who-did-not-ask"
)

func newPusher(s *System, key crypto.Signer) (*pusher, error) {
	if s.config.PushURL == "" {
		return nil, nil //nolint:nilnil // nothing is pushed
	}
	if key == nil {
		return nil, errors.New("make hub: pushes need a key")
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("make hub: the key of pushes is not P-256")
	}
	keyID, err := keys.KeyID(public)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if s.config.PushRootsFile != "" {
		if transport.TLSClientConfig.RootCAs, err = config.Roots(s.config.PushRootsFile); err != nil {
			return nil, err
		}
	}
	return &pusher{
		system: s, url: s.config.PushURL + hubpush.Path, key: pushKey{key, keyID},
		client: &http.Client{Transport: transport, Timeout: pushTimeout}, queue: make(chan push, pushQueue),
	}, nil
}

// issued queues the pushes of a certificate, as scenarios want them.
func (p *pusher) issued(ctx context.Context, platformID string, head pushHead, pdf []byte) {
	if p == nil {
		return
	}
	one := push{platformID: platformID, head: head, pdf: pdf, key: p.key, due: p.system.Clock.Now()}
	if s, ok := p.system.Scenarios.Take(scenario.PushLate, head.EdocNum); ok {
		one.due = one.due.Add(time.Duration(s.Delay))
	}
	if _, ok := p.system.Scenarios.Take(scenario.PushForeign, head.EdocNum); ok {
		one.head.Eaddr = foreignApplicant
	}
	if _, ok := p.system.Scenarios.Take(scenario.PushForged, head.EdocNum); ok {
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			p.system.Log.LogAttrs(ctx, slog.LevelError, "no key to forge with", slog.Any("error", err))
			return
		}
		one.key.Signer = stranger
	}
	n := 1
	if _, ok := p.system.Scenarios.Take(scenario.PushTwice, head.EdocNum); ok {
		n = 2
	}
	for range n {
		select {
		case p.queue <- one:
		default:
			p.system.Log.LogAttrs(ctx, slog.LevelWarn, "too many pushes wait; one is left out", slog.String("cert_num", head.CertNum))
		}
	}
}

// run pushes what is queued, each until the relay has answered that it keeps it or never will, at most pushTries times.
func (p *pusher) run(ctx context.Context) error {
	ticker := time.NewTicker(pushPause / 10)
	defer ticker.Stop()
	var waiting []push
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-p.queue:
			waiting = append(waiting, one)
		case <-ticker.C:
		}
		waiting = p.round(ctx, waiting)
	}
}

// round makes the pushes that are due and returns those that are to be made later.
func (p *pusher) round(ctx context.Context, waiting []push) (later []push) {
	for _, one := range waiting {
		if p.system.Clock.Now().Before(one.due) {
			later = append(later, one)
			continue
		}
		status, err := p.send(ctx, one)
		p.system.Log.LogAttrs(ctx, slog.LevelInfo, "pushed", slog.String("cert_num", one.head.CertNum), slog.Int("status", status), slog.Any("error", err))
		if one.try++; (err != nil || status >= http.StatusInternalServerError) && one.try < pushTries {
			one.due = p.system.Clock.Now().Add(pushPause)
			later = append(later, one)
		}
	}
	return later
}

func (p *pusher) send(ctx context.Context, one push) (status int, err error) {
	contentType, body, err := certificateParts(one.head, one.pdf)
	if err != nil {
		return 0, err
	}
	signature, err := hubpush.Sign(one.key, hubpush.Claims{
		Audience: one.platformID, Nonce: uuid.NewString(), ContentType: contentType, Digest: hubpush.DigestOf(body), IssuedAt: p.system.Clock.Now(),
	})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make push: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set(hubpush.Header, signature)
	response, err := p.client.Do(request)
	if err != nil {
		return 0, errors.New("the relay could not be reached")
	}
	return response.StatusCode, response.Body.Close()
}

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
	// behind is how much older the signature is than the push.
	behind time.Duration
	// replayed: once it has arrived, the very same message is sent again.
	replayed bool
	due      time.Time
	try      int
	made     *message
}

// message is a push as it is sent. What is pushed again, because nobody answered, is signed anew.
type message struct {
	contentType, signature string
	body                   []byte
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
	// foreignDocument is what a push is about by the scenario push-other-document, foreignRelay whom it is for by
	// push-other-relay.
	foreignDocument = "20260302_PEER000001_0000000000001"
	foreignRelay    = "peer-01-sandbox"
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
	if _, ok := p.system.Scenarios.Take(scenario.PushOtherDocument, head.EdocNum); ok {
		one.head.EdocNum = foreignDocument
	}
	if _, ok := p.system.Scenarios.Take(scenario.PushOtherRelay, head.EdocNum); ok {
		one.platformID = foreignRelay
	}
	if s, ok := p.system.Scenarios.Take(scenario.PushStale, head.EdocNum); ok {
		one.behind = time.Duration(s.Delay)
	}
	_, one.replayed = p.system.Scenarios.Take(scenario.PushReplayed, head.EdocNum)
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
		status, err := p.send(ctx, &one)
		p.system.Log.LogAttrs(ctx, slog.LevelInfo, "pushed", slog.String("cert_num", one.head.CertNum), slog.Int("status", status), slog.Any("error", err))
		switch one.try++; {
		case (err != nil || status >= http.StatusInternalServerError) && one.try < pushTries:
			one.due, one.made = p.system.Clock.Now().Add(pushPause), nil
			later = append(later, one)
		case one.replayed:
			one.replayed, one.try = false, 0
			later = append(later, one)
		}
	}
	return later
}

// make signs a push.
func (p *pusher) make(one push) (*message, error) {
	contentType, body, err := certificateParts(one.head, one.pdf)
	if err != nil {
		return nil, err
	}
	signature, err := hubpush.Sign(one.key, hubpush.Claims{
		Audience: one.platformID, Nonce: uuid.NewString(), ContentType: contentType, Digest: hubpush.DigestOf(body),
		IssuedAt: p.system.Clock.Now().Add(-one.behind),
	})
	return &message{contentType, signature, body}, err
}

func (p *pusher) send(ctx context.Context, one *push) (status int, err error) {
	if one.made == nil {
		if one.made, err = p.make(*one); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(one.made.body))
	if err != nil {
		return 0, fmt.Errorf("make push: %w", err)
	}
	request.Header.Set("Content-Type", one.made.contentType)
	request.Header.Set(hubpush.Header, one.made.signature)
	response, err := p.client.Do(request)
	if err != nil {
		return 0, errors.New("the relay could not be reached")
	}
	return response.StatusCode, response.Body.Close()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	// handOverPause is the pause between documents that are handed over, whose bundles are asked for.
	handOverPause = 1200 * time.Millisecond
	// certifyEach: of one single document of so many the certificate is asked for, by its sender and its recipient in turn.
	certifyEach = 3
	provers     = 4
)

// proof is what a party asks for: the certificate of a document, or its bundle, which holds one.
type proof struct {
	caller *harness.Caller
	number string
	bundle bool
	// form of the bundle; empty for a certificate.
	form string
	// requestID is the party's own; id is what the relay gave it first, empty until then.
	requestID, id string
}

// path of requests for a document, and of a request itself.
func (p *proof) path() string {
	if p.bundle {
		return "/v1/documents/" + p.number + "/bundles"
	}
	return "/v1/documents/" + p.number + "/certificates"
}

func (p *proof) own() string {
	if p.bundle {
		return "/v1/bundles/" + p.id
	}
	return "/v1/certificates/" + p.id
}

// told is what the relay tells of one.
type told struct {
	Bundle, Certificate struct{ ID, State, WaitsFor, Reason string }
}

func (t told) of(p *proof) (id, state, detail string) {
	if p.bundle {
		return t.Bundle.ID, strings.TrimPrefix(t.Bundle.State, "BUNDLE_STATE_"), t.Bundle.WaitsFor + t.Bundle.Reason
	}
	return t.Certificate.ID, strings.TrimPrefix(t.Certificate.State, "CERTIFICATE_STATE_"), t.Certificate.Reason
}

// asked is the body of the request.
func (p *proof) asked() map[string]string {
	body := map[string]string{"reason": harness.BundleReason, "requestId": p.requestID}
	if p.bundle {
		body["form"] = p.form
	}
	return body
}

// ask asks once. That the hub has not registered the document yet changes by itself.
func (p *proof) ask(ctx context.Context) (id string, err error) {
	var got told
	err = call(ctx, p.caller, http.MethodPost, p.path(), p.asked(), &got)
	var final finalError
	if errors.As(err, &final) && strings.Contains(err.Error(), "NOT_REGISTERED_YET") {
		return "", errors.New("not registered yet")
	}
	id, _, _ = got.of(p)
	return id, err
}

// state is how far it is.
func (p *proof) state(ctx context.Context) (state, detail string, err error) {
	var got told
	err = call(ctx, p.caller, http.MethodGet, p.own(), nil, &got)
	_, state, detail = got.of(p)
	return state, detail, err
}

// wanted notes that a party wants the certificate of a document, or its bundle, in both forms in turn.
func (l *load) wanted(caller *harness.Caller, number string, bundle bool) {
	p := &proof{caller: caller, number: number, bundle: bundle, requestID: uuid.NewString()}
	if bundle {
		p.form = []string{"BUNDLE_FORM_SUBMISSION", "BUNDLE_FORM_EVIDENCE"}[l.bundled.Add(1)%2]
	}
	l.toProve <- p
}

// certify wants the certificates of some of the singles.
func (l *load) certify(p *promise) {
	n := l.singles.Add(1)
	if n%certifyEach != 0 {
		return
	}
	caller := l.institution.Caller
	if n%(2*certifyEach) == 0 {
		caller = l.members[p.recipient].Caller
	}
	l.wanted(caller, p.number, false)
}

// handOver hands documents over until ctx ends, and wants the bundle of each.
func (l *load) handOver(ctx, patience context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		if err := l.handOverOne(patience, turn%recipients); err != nil {
			l.wrong(err)
			return
		}
		if lifecycle.Wait(ctx, handOverPause) != nil {
			return
		}
	}
}

func (l *load) handOverOne(ctx context.Context, recipient int) error {
	var document *harness.Document
	if err := persist(ctx, func(ctx context.Context) error {
		return try(ctx, func(t testing.TB) { document = l.institution.HandedOver(t, l.members[recipient].ByCI()) })
	}); err != nil {
		return fmt.Errorf("hand a document over: %w", err)
	}
	key, _ := document.Item["ownKey"].(string)
	p := &promise{key: key, recipient: recipient, item: document.Item}
	if err := persist(ctx, func(ctx context.Context) error { return l.post(ctx, []*promise{p}) }); err != nil {
		return fmt.Errorf("send what was handed over: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promises = append(l.promises, p)
	l.wanted(l.institution.Caller, p.number, true)
	return nil
}

// prove asks for what is wanted until nothing more comes: each time under the same id, until an answer comes.
func (l *load) prove(ctx context.Context) {
	for p := range l.toProve {
		err := persist(ctx, func(ctx context.Context) (err error) {
			p.id, err = p.ask(ctx)
			return err
		})
		if err != nil {
			l.wrong(fmt.Errorf("ask at %s: %w", p.path(), err))
			continue
		}
		l.mu.Lock()
		l.proofs = append(l.proofs, p)
		l.mu.Unlock()
	}
}

// proven are the requests that were accepted.
func (l *load) proven() []*proof {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.proofs)
}

// unissued are those of the requests that are still open.
func unissued(ctx context.Context, of []*proof) (left []*proof, err error) {
	for _, p := range of {
		state, _, err := p.state(ctx)
		if err != nil {
			return nil, err
		}
		if state == "REQUESTED" {
			left = append(left, p)
		}
	}
	return left, nil
}

// drainProofs waits until all requests have ended. What is left when ctx ends is told.
func (l *load) drainProofs(ctx context.Context) error {
	left := l.proven()
	for {
		if still, err := unissued(ctx, left); err == nil {
			if left = still; len(left) == 0 {
				return nil
			}
		}
		if lifecycle.Wait(ctx, drainLook) != nil {
			return fmt.Errorf("%d certificates and bundles have not ended in time", len(left))
		}
	}
}

// counted tells how many certificates and bundles were asked for.
func counted(proofs []*proof) (certificates, bundles int) {
	for _, p := range proofs {
		if p.bundle {
			bundles++
		}
	}
	return len(proofs) - bundles, bundles
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	recipients = 6
	// batchSize is the items of a batch; a batch is of one document with an own key for each item.
	batchSize = 12
	// pauses between the sends of one sender.
	batchPause  = 250 * time.Millisecond
	singlePause = 350 * time.Millisecond
	viewers     = 3
	// viewEach: one document of so many is viewed.
	viewEach = 3
)

// promise is what a sender was told: its key has this number.
type promise struct {
	item      map[string]any
	key       string
	number    string
	recipient int
	// viewed: the relay took the report of a reading.
	viewed bool
}

// load is the senders, recipients and viewing systems.
type load struct {
	stack       *harness.Stack
	institution *harness.Institution
	system      *harness.Caller
	members     []*harness.Recipient

	mu       sync.Mutex
	promises []*promise
	problems []error
	toView   chan *promise
	views    sync.WaitGroup
	// proofs are the certificates and bundles that were asked for; singles counts the documents that came alone, bundled those
	// whose bundles are asked for.
	proofs           []*proof
	toProve          chan *proof
	proves           sync.WaitGroup
	singles, bundled atomic.Int64
}

func newLoad(ctx context.Context, stack *harness.Stack) (*load, error) {
	l := &load{stack: stack, members: make([]*harness.Recipient, recipients), toView: make(chan *promise, 1<<16), toProve: make(chan *proof, 1<<16)}
	return l, try(ctx, func(t testing.TB) {
		l.institution = stack.Institution(t)
		l.system = stack.LogIn(t, harness.ReadCredentials(t, stack.Endpoints.Sandbox.ViewingCredentials))
		for n := range l.members {
			l.members[n] = stack.NewMember(t)
		}
	})
}

// wrong notes what should never happen.
func (l *load) wrong(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, err)
}

// send sends batches or singles until ctx ends. What was begun is sent until it is accepted, or until the end of patience.
func (l *load) send(ctx, patience context.Context, size int, pause time.Duration) {
	for turn := 0; ctx.Err() == nil; turn++ {
		if err := l.sendOne(patience, turn%recipients, size); err != nil {
			l.wrong(err)
			return
		}
		if lifecycle.Wait(ctx, pause) != nil {
			return
		}
	}
}

func (l *load) sendOne(ctx context.Context, recipient, size int) error {
	var document *harness.Document
	err := persist(ctx, func(ctx context.Context) error {
		return try(ctx, func(t testing.TB) { document = l.institution.NewDocument(t, l.members[recipient].ByCI()) })
	})
	if err != nil {
		return fmt.Errorf("register a document at the archive: %w", err)
	}
	promises := make([]*promise, size)
	for n := range promises {
		p := &promise{key: fmt.Sprintf("%s-%d", document.Hash[:20], n), recipient: recipient, item: map[string]any{}}
		for name, value := range document.Item {
			p.item[name] = value
		}
		p.item["ownKey"] = p.key
		promises[n] = p
	}
	if err := persist(ctx, func(ctx context.Context) error { return l.post(ctx, promises) }); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if size == 1 {
		l.certify(promises[0])
	}
	for n, p := range promises {
		l.promises = append(l.promises, p)
		if n%viewEach == 0 {
			l.toView <- p
		}
	}
	return nil
}

// accepted is what the relay answers to an item.
type accepted struct{ OwnKey, EdocNum string }

// post sends documents once, as a batch where they are several, and keeps the numbers they were given.
func (l *load) post(ctx context.Context, promises []*promise) error {
	var got []accepted
	if len(promises) == 1 {
		got = make([]accepted, 1)
		if err := call(ctx, l.institution.Caller, http.MethodPost, "/v1/documents", promises[0].item, &got[0]); err != nil {
			return err
		}
	} else {
		items := make([]any, len(promises))
		for n, p := range promises {
			items[n] = p.item
		}
		var answer struct {
			Outcomes []struct{ Accepted *accepted }
		}
		if err := call(ctx, l.institution.Caller, http.MethodPost, "/v1/documents:batch", map[string]any{"items": items}, &answer); err != nil {
			return err
		}
		for _, outcome := range answer.Outcomes {
			if outcome.Accepted == nil {
				return fmt.Errorf("an item was not accepted: %+v", answer)
			}
			got = append(got, *outcome.Accepted)
		}
	}
	if len(got) != len(promises) {
		return finalError{fmt.Errorf("%d items, %d outcomes", len(promises), len(got))}
	}
	for n, p := range promises {
		switch {
		case p.number == "":
			p.number = got[n].EdocNum
		case p.number != got[n].EdocNum:
			return finalError{fmt.Errorf("the key of %s has number %s now", p.number, got[n].EdocNum)}
		}
	}
	return nil
}

// call calls the REST door once. What the relay refuses for good is final.
func call(ctx context.Context, caller *harness.Caller, method, path string, body, into any) error {
	answer, err := caller.Try(ctx, method, path, body)
	switch {
	case err != nil:
		return err
	case answer.Status == http.StatusOK:
		return json.Unmarshal(answer.Body, into)
	}
	err = fmt.Errorf("%s: %d %s", path, answer.Status, answer.Body)
	if answer.Status < 500 && answer.Status != http.StatusTooManyRequests && answer.Status != http.StatusNotFound {
		return finalError{err}
	}
	return err
}

// view has recipients view what is given to them, until nothing more comes.
func (l *load) view(ctx context.Context) {
	for p := range l.toView {
		if err := l.viewOne(ctx, p); err != nil {
			l.wrong(fmt.Errorf("view %s: %w", p.number, err))
			continue
		}
		p.viewed = true
	}
}

// viewOne is one viewing: a token, its verification by the viewing system, the report.
func (l *load) viewOne(ctx context.Context, p *promise) error {
	var token struct{ Token string }
	if err := persist(ctx, func(ctx context.Context) error {
		return call(ctx, l.members[p.recipient].Caller, http.MethodPost, "/v1/inbox/"+p.number+":view", map[string]any{}, &token)
	}); err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	var verified struct {
		VerificationID string
		DocumentHash   struct{ Algorithm, Value string }
	}
	request := map[string]string{"token": token.Token, "requestId": uuid.NewString()}
	if err := persist(ctx, func(ctx context.Context) error {
		return call(ctx, l.system, http.MethodPost, "/v1/viewing/tokens:verify", request, &verified)
	}); err != nil {
		return fmt.Errorf("verify the token: %w", err)
	}
	report := map[string]any{
		"verificationId": verified.VerificationID, "readAt": harness.Now(), "logDigest": verified.DocumentHash.Value,
		"shownHash": map[string]string{"algorithm": verified.DocumentHash.Algorithm, "value": verified.DocumentHash.Value},
	}
	if err := persist(ctx, func(ctx context.Context) error {
		return call(ctx, l.system, http.MethodPost, "/v1/documents/"+p.number+":reportRead", report, &struct{}{})
	}); err != nil {
		return fmt.Errorf("report the reading: %w", err)
	}
	return nil
}

// run sends, views and asks for certificates and bundles until ctx ends. It returns when everything that was begun is done, or
// patience ends.
func (l *load) run(ctx, patience context.Context) {
	var senders sync.WaitGroup
	senders.Go(func() { l.send(ctx, patience, batchSize, batchPause) })
	senders.Go(func() { l.send(ctx, patience, 1, singlePause) })
	senders.Go(func() { l.handOver(ctx, patience) })
	for range viewers {
		l.views.Go(func() { l.view(patience) })
	}
	for range provers {
		l.proves.Go(func() { l.prove(patience) })
	}
	senders.Wait()
	close(l.toView)
	close(l.toProve)
	l.views.Wait()
	l.proves.Wait()
}

// found are the problems so far.
func (l *load) found() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.problems...)
}

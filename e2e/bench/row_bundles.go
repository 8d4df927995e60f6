package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms"
)

const (
	bundlesName, verificationsName = "bundles", "verifications"
	// verifiedTimes is how often each bundle is verified in a round, floorTimes how often each is in a round of the floor: one
	// takes milliseconds.
	verifiedTimes, floorTimes = 10, 40
)

// bundlesRow assembles the certificate bundles of documents of 1 MiB, and verifies them. Its floor is the least that a bundle
// costs whoever makes or judges one: one signature verified, and every byte hashed once.
func bundlesRow() row {
	const of = "of the floor's bundles/s (one CMS verification, one SHA-256 of the same bytes)"
	return row{name: bundlesName, measure: measureBundles, lines: []line{
		reported("bundles assembled: asked for over REST until the last is issued, hub, archive and time stamps included", of),
		reported("bundles verified by the library", of),
	}}
}

// proofs are the bundles that the floor and the verification are about.
type proofs struct {
	containers [][]byte
	trust      *bundle.Trust
}

func measureBundles(ctx context.Context, b *bench, lines []line) ([]line, error) {
	if _, err := b.platformRound(ctx, bundlesName, b.options.bundles); err != nil {
		return nil, fmt.Errorf("documents to prove: %w", err)
	}
	seen, err := newFollower(b.chain.sender).list(ctx, bundlesName, b.report.StartedAt, complete)
	if err != nil {
		return nil, err
	}
	numbers := make([]string, len(seen.documents))
	for i, d := range seen.documents {
		numbers[i] = d.GetEdocNum()
	}
	r := b.stack.rest()
	defer r.close()
	first, err := b.assemble(ctx, r, "bundles-warmup", numbers)
	if err != nil {
		return nil, fmt.Errorf("warm-up of %s: %w", bundlesName, err)
	}
	p, err := b.proofs(ctx, r, first)
	if err != nil {
		return nil, err
	}
	floor := func(ctx context.Context, _ int) (round, error) {
		return b.inProcess(ctx, p, floorTimes, func(_ context.Context, container []byte) error { return p.least(container, b.stack.clock.Now()) })
	}
	assembled, err := b.turnsBeside(ctx, bundlesName, floor, func(ctx context.Context, turn int) (round, error) {
		before, err := b.stack.mark(ctx)
		if err != nil {
			return round{}, err
		}
		if _, err := b.assemble(ctx, r, fmt.Sprintf("%s-%d", bundlesName, turn+1), numbers); err != nil {
			return round{}, err
		}
		return b.stack.since(ctx, before, b.stack.clock.Now(), len(numbers))
	})
	if err != nil {
		return nil, err
	}
	verified, err := b.turnsBeside(ctx, verificationsName, floor, func(ctx context.Context, _ int) (round, error) {
		return b.inProcess(ctx, p, verifiedTimes, func(ctx context.Context, container []byte) error { return p.verify(ctx, b, container) })
	})
	if err != nil {
		return nil, err
	}
	lines[0], lines[1] = lines[0].is(assembled.Ratio), lines[1].is(verified.Ratio)
	return lines, nil
}

// assemble asks for a bundle of each document, and waits until all are issued. It returns their ids.
func (b *bench) assemble(ctx context.Context, r *rest, name string, numbers []string) ([]string, error) {
	ids := make([]string, len(numbers))
	return ids, each(ctx, platformSenders, len(numbers), func(ctx context.Context, i int) error {
		var told struct {
			Bundle struct{ ID, State, Reason string }
		}
		ask := func(method, path, body string) error {
			bearer, err := b.chain.sender.bearer(ctx)
			if err != nil {
				return err
			}
			return r.call(ctx, bearer, method, path, []byte(body), &told)
		}
		if err := ask(http.MethodPost, "/v1/documents/"+numbers[i]+"/bundles", fmt.Sprintf(`{"reason":"시험용 제출","requestId":"%s-%d"}`, name, i)); err != nil {
			return err
		}
		ids[i] = told.Bundle.ID
		return poll(ctx, lookPause, func() (bool, error) {
			err := ask(http.MethodGet, "/v1/bundles/"+ids[i], "")
			if told.Bundle.State == "BUNDLE_STATE_FAILED" {
				err = errors.Join(err, fmt.Errorf("the bundle of %s failed: %s", numbers[i], told.Bundle.Reason))
			}
			return told.Bundle.State == "BUNDLE_STATE_ISSUED", err
		})
	})
}

// proofs downloads the bundles.
func (b *bench) proofs(ctx context.Context, r *rest, ids []string) (*proofs, error) {
	trust, err := bundle.LoadTrust(filepath.Dir(b.stack.Sandbox.Authority))
	if err != nil {
		return nil, err
	}
	p := &proofs{trust: trust, containers: make([][]byte, len(ids))}
	return p, each(ctx, platformSenders, len(ids), func(ctx context.Context, i int) error {
		bearer, err := b.chain.sender.bearer(ctx)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/v1/bundles/"+ids[i]+"/content", nil)
		if err != nil {
			return fmt.Errorf("download a bundle: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		response, err := r.client.Do(request)
		if err != nil {
			return fmt.Errorf("download a bundle: %w", err)
		}
		defer response.Body.Close()
		if p.containers[i], err = io.ReadAll(io.LimitReader(response.Body, 4*fileBytes)); err != nil {
			return fmt.Errorf("download a bundle: %w", err)
		}
		return p.verify(ctx, b, p.containers[i])
	})
}

// inProcess does something with every bundle several times, on every core.
func (b *bench) inProcess(ctx context.Context, p *proofs, times int, do func(ctx context.Context, container []byte) error) (round, error) {
	n := times * len(p.containers)
	before, err := b.stack.mark(ctx)
	if err != nil {
		return round{}, err
	}
	if err := each(ctx, runtime.NumCPU(), n, func(ctx context.Context, i int) error { return do(ctx, p.containers[i%len(p.containers)]) }); err != nil {
		return round{}, err
	}
	return b.stack.since(ctx, before, b.stack.clock.Now(), n)
}

func (p *proofs) verify(ctx context.Context, b *bench, container []byte) error {
	report, err := bundle.Verify(ctx, bytes.NewReader(container), int64(len(container)), bundle.Options{Trust: p.trust, At: b.stack.clock.Now()})
	if err == nil && !report.Valid {
		err = fmt.Errorf("a bundle fails %v", report.Failed())
	}
	return err
}

// least verifies the assembler's signature and hashes the container.
func (p *proofs) least(container []byte, now time.Time) error {
	sha256.Sum256(container)
	c, err := asic.Open(bytes.NewReader(container), int64(len(container)))
	if err != nil {
		return fmt.Errorf("floor of bundles: %w", err)
	}
	manifest, err := c.Read(asic.Manifest, fileBytes)
	if err != nil {
		return fmt.Errorf("floor of bundles: %w", err)
	}
	signature, err := c.Read(asic.Signature, fileBytes)
	if err != nil {
		return fmt.Errorf("floor of bundles: %w", err)
	}
	if _, err := cms.Verify(signature, manifest, cms.VerifyOptions{Roots: p.trust.Assemblers, At: now}); err != nil {
		return fmt.Errorf("floor of bundles: %w", err)
	}
	return nil
}

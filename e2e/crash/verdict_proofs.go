package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// proofs: each request for a certificate or bundle was issued, once, and each bundle verifies.
func (v *verdict) proofs(ctx context.Context, l *load, s *servers) error {
	proofs := l.proven()
	issued, err := issuedIn(ctx, s)
	if err != nil {
		return err
	}
	v.issued(proofs, issued)
	for _, p := range proofs {
		if err := errors.Join(v.ended(ctx, l.stack, p), v.asked(ctx, p)); err != nil {
			return err
		}
	}
	return v.listed(ctx, proofs)
}

// issues are how often certificates and bundles were stated as issued, by the ids of their requests.
type issues struct{ certificates, bundles map[string]int }

// issuedIn reads what the certificate unit stated.
func issuedIn(ctx context.Context, s *servers) (found issues, err error) {
	conn, err := pgx.Connect(ctx, s.storage.current().server.SuperURL("naru"))
	if err != nil {
		return found, fmt.Errorf("read what was issued: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	found = issues{map[string]int{}, map[string]int{}}
	certificates, bundles := frame.KindOf(&certificatev1.CertificateIssued{}), frame.KindOf(&certificatev1.BundleIssued{})
	err = journal.Each(ctx, conn, "certificate", func(f journal.Sealed) error {
		if f.Kind != certificates && f.Kind != bundles {
			return nil
		}
		events, err := f.Events()
		for _, e := range events {
			if f.Kind == certificates {
				var m certificatev1.CertificateIssued
				err = errors.Join(err, proto.Unmarshal(e.GetPayload(), &m))
				found.certificates[m.GetCertificate()]++
				continue
			}
			var m certificatev1.BundleIssued
			err = errors.Join(err, proto.Unmarshal(e.GetPayload(), &m))
			found.bundles[m.GetBundle()]++
		}
		return err
	})
	return found, err
}

// issued: the facts state each request as issued once, and nothing that nobody was told of. A bundle holds a certificate.
func (v *verdict) issued(proofs []*proof, found issues) {
	certificates, bundles := map[string]bool{}, map[string]bool{}
	for _, p := range proofs {
		certificates[p.id] = true
		if p.bundle {
			bundles[p.id] = true
		}
	}
	for _, kind := range []struct {
		name   string
		wanted map[string]bool
		stated map[string]int
	}{{"certificate", certificates, found.certificates}, {"bundle", bundles, found.bundles}} {
		for id := range kind.wanted {
			if kind.stated[id] == 0 {
				v.lose("%s %s was not stated as issued", kind.name, id)
			}
		}
		for id, times := range kind.stated {
			if times > 1 || !kind.wanted[id] {
				v.double("%s %s was stated as issued %d times, wanted: %t", kind.name, id, times, kind.wanted[id])
			}
		}
	}
}

// ended: it is issued, and handed out; a bundle verifies as it would for anybody.
func (v *verdict) ended(ctx context.Context, stack *harness.Stack, p *proof) error {
	var state, detail string
	if err := persist(ctx, func(ctx context.Context) (err error) {
		state, detail, err = p.state(ctx)
		return err
	}); err != nil {
		return err
	}
	if state != "ISSUED" {
		v.lose("%s of %s: %s %s", p.own(), p.number, state, detail)
		return nil
	}
	var file harness.Answer
	if err := persist(ctx, func(ctx context.Context) (err error) {
		if file, err = p.caller.Try(ctx, http.MethodGet, p.own()+"/content", nil); err == nil && file.Status != http.StatusOK {
			err = fmt.Errorf("%s: %d", p.own(), file.Status)
		}
		return err
	}); err != nil {
		return err
	}
	if !p.bundle {
		return nil
	}
	return try(ctx, func(t testing.TB) {
		if report := stack.VerifyBundle(t, file.Body); !report.Valid {
			v.lose("%s of %s does not verify", p.own(), p.number)
		}
	})
}

// asked: whoever asks again under its own id gets the request it was told of.
func (v *verdict) asked(ctx context.Context, p *proof) error {
	var again string
	if err := persist(ctx, func(ctx context.Context) (err error) {
		again, err = p.ask(ctx)
		return err
	}); err != nil {
		return err
	}
	if again != p.id {
		v.double("%s is %s now", p.own(), again)
	}
	return nil
}

// listed: a party has as many requests for a document as it made.
func (v *verdict) listed(ctx context.Context, proofs []*proof) error {
	type one struct {
		caller *harness.Caller
		path   string
	}
	made := map[one]int{}
	for _, p := range proofs {
		made[one{p.caller, p.path()}]++
	}
	for of, times := range made {
		var list struct {
			Bundles, Certificates []struct{ ID string }
		}
		if err := persist(ctx, func(ctx context.Context) error { return call(ctx, of.caller, http.MethodGet, of.path, nil, &list) }); err != nil {
			return err
		}
		if got := len(list.Bundles) + len(list.Certificates); got != times {
			v.double("%s lists %d requests for %d", of.path, got, times)
		}
	}
	return nil
}

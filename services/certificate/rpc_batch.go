package certificate

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// batchAtOnce is how many documents of a batch the other units are asked about at the same time.
const batchAtOnce = 8

// BatchRequestBundles requests a bundle of each document.
func (s *service) BatchRequestBundles(ctx context.Context, r *certificatev1.BatchRequestBundlesRequest) (*certificatev1.BatchRequestBundlesResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if !s.assembler.offered() {
		return nil, bundlesNotOffered()
	}
	response := &certificatev1.BatchRequestBundlesResponse{Outcomes: make([]*certificatev1.BundleOutcome, len(r.GetEdocNums()))}
	var group errgroup.Group
	group.SetLimit(batchAtOnce)
	for i, number := range r.GetEdocNums() {
		group.Go(func() error {
			response.Outcomes[i] = s.requestOne(ctx, p, number, r)
			return nil
		})
	}
	return response, group.Wait()
}

// requestOne requests a bundle of one document; its id has a part that no caller's id has.
func (s *service) requestOne(ctx context.Context, p authn.Principal, number string, r *certificatev1.BatchRequestBundlesRequest) *certificatev1.BundleOutcome {
	outcome := &certificatev1.BundleOutcome{EdocNum: number}
	requested, err := s.request(ctx, p, wanted{
		edocNum: number, reason: r.GetReason(), requestID: bundlePrefix + r.GetRequestId() + "/" + number, authorisation: r.GetAuthorisation(), form: formOf(r.GetForm()),
	})
	if err == nil {
		var v bundleView
		if v, err = s.ownBundle(ctx, requested.id.String()); err == nil {
			outcome.Outcome = &certificatev1.BundleOutcome_Bundle{Bundle: v.proto()}
			return outcome
		}
	}
	f := fault.As(err)
	reason := f.Reason
	if reason == "" || f.Kind == fault.Unavailable {
		reason = strings.ToUpper(f.Kind.String())
	}
	outcome.Outcome = &certificatev1.BundleOutcome_Reason{Reason: reason}
	return outcome
}

// BatchGetBundles tells how far requests of the caller's are.
func (s *service) BatchGetBundles(ctx context.Context, r *certificatev1.BatchGetBundlesRequest) (*certificatev1.BatchGetBundlesResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(r.GetIds()))
	for i, text := range r.GetIds() {
		if ids[i], err = uuid.Parse(text); err != nil {
			return nil, bundleNotFound()
		}
	}
	views, err := findBundles(ctx, s.db, p.ID, kindName(p.Kind), ids)
	if err != nil {
		return nil, err
	}
	response := &certificatev1.BatchGetBundlesResponse{}
	for _, v := range views {
		response.Bundles = append(response.Bundles, v.proto())
	}
	return response, nil
}

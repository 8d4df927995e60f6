package certificate

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/rpc"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// bundlePrefix keeps the callers' ids of bundles apart from those of certificates, in which no colon is allowed.
const bundlePrefix = "bundle:"

// RequestBundle records a request and has the bundle assembled.
func (s *service) RequestBundle(ctx context.Context, r *certificatev1.RequestBundleRequest) (*certificatev1.RequestBundleResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if !s.assembler.offered() {
		return nil, bundlesNotOffered()
	}
	requested, err := s.request(ctx, p, wanted{
		edocNum: r.GetEdocNum(), reason: r.GetReason(), requestID: bundlePrefix + r.GetRequestId(), authorisation: r.GetAuthorisation(), form: formOf(r.GetForm()),
	})
	if err != nil {
		return nil, err
	}
	v, err := s.ownBundle(ctx, requested.id.String())
	if err != nil {
		return nil, err
	}
	return &certificatev1.RequestBundleResponse{Bundle: v.proto()}, nil
}

// GetBundle tells how far a request of the caller's is.
func (s *service) GetBundle(ctx context.Context, r *certificatev1.GetBundleRequest) (*certificatev1.GetBundleResponse, error) {
	v, err := s.ownBundle(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &certificatev1.GetBundleResponse{Bundle: v.proto()}, nil
}

// ListBundles lists the caller's requests for a document, newest first.
func (s *service) ListBundles(ctx context.Context, r *certificatev1.ListBundlesRequest) (*certificatev1.ListBundlesResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	views, err := listBundles(ctx, s.db, p.ID, kindName(p.Kind), r.GetEdocNum(), before, size+1)
	if err != nil {
		return nil, err
	}
	if len(views) == 0 {
		if _, right, err := s.lookup.party(ctx, p, r.GetEdocNum()); err != nil || right == "" {
			return nil, cmp.Or(err, documentNotFound())
		}
	}
	views, next, err := page.Cut(views, size, func(last bundleView) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	response := &certificatev1.ListBundlesResponse{NextPageToken: next}
	for _, v := range views {
		response.Bundles = append(response.Bundles, v.proto())
	}
	return response, nil
}

// DownloadBundle streams the container of a request of the caller's that was issued.
func (s *service) DownloadBundle(r *certificatev1.DownloadBundleRequest, stream grpc.ServerStreamingServer[certificatev1.DownloadBundleResponse]) error {
	ctx := stream.Context()
	v, err := s.ownBundle(ctx, r.GetId())
	if err != nil {
		return err
	}
	if v.state != issued {
		return bundleNotIssued()
	}
	if err := s.handOut(ctx, v.id); err != nil {
		return err
	}
	files, err := s.bundleFiles(ctx, v.id)
	if err != nil {
		return err
	}
	source, err := s.sourceOf(ctx, v)
	if err != nil {
		return err
	}
	size := bundle.Size(files)
	if r.GetOffset() > size {
		return offsetBeyondEnd()
	}
	header := &platformv1.ContentHeader{FileName: v.edocNum + bundle.Extension, MediaType: bundle.MediaType, Size: size, Offset: r.GetOffset()}
	to := &rpc.Pieces{Skip: r.GetOffset(), Send: func(piece []byte) error {
		chunk := &platformv1.ContentChunk{Header: header, Data: piece}
		header = nil // it goes with the first
		return stream.Send(&certificatev1.DownloadBundleResponse{Chunk: chunk})
	}}
	if err := bundle.Write(ctx, to, files, source.open); err != nil {
		return cmp.Or(to.Failed(), documentUnavailable(err))
	}
	return to.Flush()
}

// ownBundle finds a bundle the caller asked for.
func (s *service) ownBundle(ctx context.Context, text string) (bundleView, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return bundleView{}, err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return bundleView{}, bundleNotFound()
	}
	v, found, err := findBundle(ctx, s.db, p.ID, kindName(p.Kind), id)
	if err == nil && !found {
		err = bundleNotFound()
	}
	return v, err
}

func formOf(f certificatev1.BundleForm) bundle.Form {
	if f == certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE {
		return bundle.Evidence
	}
	return bundle.Submission
}

func (v bundleView) proto() *certificatev1.Bundle {
	b := &certificatev1.Bundle{
		Id: v.id.String(), EdocNum: v.edocNum, State: certificatev1.BundleState(v.state), RequestedAt: timestamppb.New(v.requestedAt), Certificate: v.id.String(),
		Reason: v.reason, Form: certificatev1.BundleForm_BUNDLE_FORM_SUBMISSION,
	}
	if v.form == bundle.Evidence {
		b.Form = certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE
	}
	switch v.state {
	case requested:
		b.WaitsFor = certificatev1.BundleWait(v.waitsFor)
	case issued:
		b.CertNum, b.StampedAt = v.certNum, timestamppb.New(v.stampedAt)
	case failed:
	}
	return b
}

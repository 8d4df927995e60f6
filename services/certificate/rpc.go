package certificate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// RequestCertificate records a request and has the certificate obtained.
func (s *service) RequestCertificate(ctx context.Context, r *certificatev1.RequestCertificateRequest) (*certificatev1.RequestCertificateResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.request(ctx, p, wanted{edocNum: r.GetEdocNum(), reason: r.GetReason(), requestID: r.GetRequestId(), authorisation: r.GetAuthorisation()})
	if err != nil {
		return nil, err
	}
	return &certificatev1.RequestCertificateResponse{Certificate: protoOf(v)}, nil
}

// GetCertificate tells how far a request of the caller's is.
func (s *service) GetCertificate(ctx context.Context, r *certificatev1.GetCertificateRequest) (*certificatev1.GetCertificateResponse, error) {
	v, err := s.own(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &certificatev1.GetCertificateResponse{Certificate: protoOf(v)}, nil
}

// ListCertificates lists the caller's requests for a document, newest first.
func (s *service) ListCertificates(ctx context.Context, r *certificatev1.ListCertificatesRequest) (*certificatev1.ListCertificatesResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	views, err := listViews(ctx, s.db, p.ID, kindName(p.Kind), r.GetEdocNum(), before, size+1)
	if err != nil {
		return nil, err
	}
	if len(views) == 0 {
		// Who has requested a certificate of the document is a party. Anybody else must be shown to be one before an empty list
		// is returned.
		if _, right, err := s.lookup.party(ctx, p, r.GetEdocNum()); err != nil || right == "" {
			return nil, cmp.Or(err, documentNotFound())
		}
	}
	views, next, err := page.Cut(views, size, func(last view) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	response := &certificatev1.ListCertificatesResponse{NextPageToken: next}
	for _, v := range views {
		response.Certificates = append(response.Certificates, protoOf(v))
	}
	return response, nil
}

// DownloadCertificate gives the file of a request of the caller's that was issued.
func (s *service) DownloadCertificate(ctx context.Context, r *certificatev1.DownloadCertificateRequest) (*httpbody.HttpBody, error) {
	v, err := s.own(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	if v.state != issued {
		return nil, notIssued()
	}
	if err := s.handOut(ctx, v.id); err != nil {
		return nil, err
	}
	pieces, err := findFile(ctx, s.db, v.id, v.attempt, v.digest)
	if err != nil {
		return nil, err
	}
	pdf, err := openFile(ctx, s.sealed, v.id.String(), v.attempt, pieces)
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(pdf); !bytes.Equal(digest[:], v.digest) {
		return nil, otherFile(v.id)
	}
	return &httpbody.HttpBody{ContentType: "application/pdf", Data: pdf}, nil
}

// own finds a certificate the caller asked for.
func (s *service) own(ctx context.Context, text string) (view, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return view{}, err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return view{}, certificateNotFound()
	}
	v, found, err := findView(ctx, s.db, p.ID, kindName(p.Kind), id)
	if err != nil {
		return view{}, err
	}
	if !found {
		return view{}, certificateNotFound()
	}
	return v, nil
}

func protoOf(v view) *certificatev1.Certificate {
	return &certificatev1.Certificate{
		Id: v.id.String(), EdocNum: v.edocNum, State: certificatev1.CertificateState(v.state), RequestedAt: timestamppb.New(v.requestedAt),
		IssuedAt: stamp(v, v.issuedAt), CertNum: told(v, v.certNum), PdfDigest: told(v, hex.EncodeToString(v.digest)),
		Checks: protoChecks(v), Reason: v.reason, Refusal: v.refusal, ValidUntil: stamp(v, v.validUntil),
	}
}

// What a file states is shown only if it passed the checks.
func stamp(v view, t time.Time) *timestamppb.Timestamp {
	if v.state != issued || t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func told(v view, text string) string {
	if v.state != issued {
		return ""
	}
	return text
}

func protoChecks(v view) *certificatev1.Checks {
	if v.state == requested {
		return nil
	}
	return v.checks.proto()
}

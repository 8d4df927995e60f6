package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// figuresServer serves parties about their own addresses.
type figuresServer struct {
	certificatev1.UnsafeFiguresServiceServer
	*service
}

var _ certificatev1.FiguresServiceServer = (*figuresServer)(nil)

// RequestFigures records a request and has the certificate obtained.
func (s *figuresServer) RequestFigures(ctx context.Context, r *certificatev1.RequestFiguresRequest) (*certificatev1.RequestFiguresResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.requestFigures(ctx, p, r)
	if err != nil {
		return nil, err
	}
	return &certificatev1.RequestFiguresResponse{Figures: figuresProto(f)}, nil
}

// GetFigures tells how far a request of the caller's is.
func (s *figuresServer) GetFigures(ctx context.Context, r *certificatev1.GetFiguresRequest) (*certificatev1.GetFiguresResponse, error) {
	f, err := s.figuresOf(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &certificatev1.GetFiguresResponse{Figures: figuresProto(f)}, nil
}

// ListFigures lists the caller's requests, newest first.
func (s *figuresServer) ListFigures(ctx context.Context, r *certificatev1.ListFiguresRequest) (*certificatev1.ListFiguresResponse, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listFigures(ctx, s.db, p.ID, kindName(p.Kind), before, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last figures) uuid.UUID { return last.id })
	if err != nil {
		return nil, err
	}
	answer := &certificatev1.ListFiguresResponse{NextPageToken: next}
	for _, f := range found {
		answer.Figures = append(answer.Figures, figuresProto(f))
	}
	return answer, nil
}

// DownloadFigures gives the PDF of a request of the caller's.
func (s *figuresServer) DownloadFigures(ctx context.Context, r *certificatev1.DownloadFiguresRequest) (*httpbody.HttpBody, error) {
	return s.downloadFigures(ctx, r.GetId(), figuresPDF, "application/pdf")
}

// DownloadFiguresStatement gives the JSON part beside it.
func (s *figuresServer) DownloadFiguresStatement(ctx context.Context, r *certificatev1.DownloadFiguresStatementRequest) (*httpbody.HttpBody, error) {
	return s.downloadFigures(ctx, r.GetId(), figuresStatement, "application/json")
}

func (s *figuresServer) downloadFigures(ctx context.Context, text string, part figuresPart, mediaType string) (*httpbody.HttpBody, error) {
	f, err := s.figuresOf(ctx, text)
	if err != nil {
		return nil, err
	}
	if f.state != issued {
		return nil, notIssued()
	}
	pieces, err := findFiguresFile(ctx, s.db, f.id, f.attempt, part)
	if err != nil {
		return nil, err
	}
	content, err := openFile(ctx, s.sealed, part.subject(f.id), f.attempt, pieces)
	if err != nil {
		return nil, err
	}
	want := f.pdfDigest
	if part == figuresStatement {
		want = f.statementHash
	}
	if digest := sha256.Sum256(content); !bytes.Equal(digest[:], want) {
		return nil, otherFile(f.id)
	}
	return &httpbody.HttpBody{ContentType: mediaType, Data: content}, nil
}

// figuresProto is a request as its owner sees it. What came is shown only if it passed the checks.
func figuresProto(f figures) *certificatev1.Figures {
	shown := &certificatev1.Figures{
		Id: f.id.String(), Address: f.address, Period: f.period, State: certificatev1.CertificateState(f.state), RequestedAt: timestamppb.New(f.requestedAt),
		Reason: f.reason, Refusal: f.refusal,
	}
	if f.state != issued {
		return shown
	}
	shown.IssuedAt = timestamppb.New(f.issuedAt)
	shown.ReceivedOfSent, shown.ReadOfSent, shown.Received, shown.Read = f.counts.receivedOfSent, f.counts.readOfSent, f.counts.received, f.counts.read
	shown.PdfDigest, shown.StatementDigest = hex.EncodeToString(f.pdfDigest), hex.EncodeToString(f.statementHash)
	return shown
}

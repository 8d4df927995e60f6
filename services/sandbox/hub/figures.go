package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// Figures count the documents that an address sent and that were received or viewed.
type Figures struct {
	// Of the documents sent in the period.
	RecvCountFromSent int64 `json:"recvCountFromSent"`
	ReadCountFromSent int64 `json:"readCountFromSent"`
	// In the period, whenever the documents were sent.
	RecvCount int64 `json:"recvCount"`
	ReadCount int64 `json:"readCount"`
}

// FiguresDraft is the content of a certificate of monthly figures (전자문서 유통정보 수치 확인서).
type FiguresDraft struct {
	// Eaddr and Name of the owner at the time of the request; Period is yyyy-mm (KST).
	Eaddr, Name, Period string
	Figures
	IssuedAt time.Time
	// Fault selects a wrong key, as in CertificateDraft.
	Fault scenario.Kind
}

// figuresPath is ours: the real path is not publicly known (hub interface 5.2).
const figuresPath = "/api/cert/figures"

type figuresHead struct {
	result
	Eaddr  string `json:"eaddr"`
	Name   string `json:"name"`
	Period string `json:"period"`
	Figures
}

// monthOf parses yyyy-mm and returns the month's bounds in KST.
func monthOf(period string) (from, until time.Time, ok bool) {
	from, err := time.ParseInLocation("2006-01", period, id.KST)
	return from, from.AddDate(0, 1, 0), err == nil && from.Format("2006-01") == period
}

// issueFigures serves the certificate of monthly figures for an address of the caller's platform. No circulation in the month is
// ERR-01-501.
func (s *System) issueFigures(ctx context.Context, c call) (head any, pdf []byte, err error) {
	var req struct {
		Eaddr  string `json:"eaddr"`
		Period string `json:"period"`
	}
	if err := readMessage(c, s.config.MaxBodyBytes, &req); err != nil {
		return nil, nil, err
	}
	from, until, ok := monthOf(req.Period)
	switch {
	case !isAddress(req.Eaddr):
		return nil, nil, badForm("eaddr")
	case !ok || s.future(from):
		return nil, nil, badForm("period")
	}
	o, err := findOwner(ctx, s.DB, c.platformID, req.Eaddr, s.known(c))
	if err != nil {
		return nil, nil, err
	}
	counted, err := countFigures(ctx, s.DB, c.platformID, req.Eaddr, from, until)
	switch {
	case err != nil:
		return nil, nil, err
	case counted == Figures{}:
		return nil, nil, errNoCirculation
	}
	draft := FiguresDraft{Eaddr: req.Eaddr, Name: o.name, Period: req.Period, Figures: counted, IssuedAt: s.Clock.Now()}
	for _, kind := range []scenario.Kind{scenario.CertificateExpired, scenario.CertificateForeignSigner} {
		if _, taken := s.Scenarios.Take(kind, ""); taken {
			draft.Fault = kind
		}
	}
	pdf, err = s.renderer.RenderFigures(ctx, draft)
	if errors.Is(err, ErrNotCertifiable) {
		return nil, nil, errNotCertifiable
	}
	if err != nil {
		return nil, nil, fmt.Errorf("render figures: %w", err)
	}
	if _, taken := s.Scenarios.Take(scenario.CertificateForged, ""); taken {
		pdf = forge(pdf)
	}
	return figuresHead{success, req.Eaddr, o.name, req.Period, counted}, pdf, nil
}

const countFiguresSQL = `
	select count(*) filter (where send_date >= $3 and send_date < $4),
	       count(*) filter (where send_date >= $3 and send_date < $4 and read_date is not null),
	       count(*) filter (where recv_date >= $3 and recv_date < $4),
	       count(*) filter (where read_date >= $3 and read_date < $4)
	  from circulation
	 where send_platform_id = $1 and send_folded = $2`

func countFigures(ctx context.Context, db pg.DBTX, platformID, eaddr string, from, until time.Time) (f Figures, err error) {
	_, err = pg.Scan(ctx, db, "count figures", []any{&f.RecvCountFromSent, &f.ReadCountFromSent, &f.RecvCount, &f.ReadCount}, countFiguresSQL,
		platformID, fold(eaddr), from, until)
	return f, err
}

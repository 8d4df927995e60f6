package hub

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// IssueFiguresCertificate obtains a certificate of monthly figures, which is not verified here.
func (s *server) IssueFiguresCertificate(ctx context.Context, r *hubv1.IssueFiguresCertificateRequest) (*hubv1.IssueFiguresCertificateResponse, error) {
	if !s.client.CanIssueFigures() {
		return nil, refused("", errors.New("the hub is configured without certificates of figures"))
	}
	call, err := s.client.IssueFigures(r.GetAddress(), r.GetPeriod())
	if err != nil {
		return nil, err
	}
	var figures hubclient.Figures
	rc, err := s.exchanger.call(ctx, call, into(&figures, hubclient.ReadFigures))
	if err != nil {
		return nil, s.exchanger.faultOf(err)
	}
	return &hubv1.IssueFiguresCertificateResponse{
		Address: figures.Address, Period: figures.Period, ReceivedOfSent: *figures.ReceivedOfSent, ReadOfSent: *figures.ReadOfSent,
		Received: *figures.Received, Read: *figures.Read, Statement: figures.Statement, Pdf: figures.PDF,
		Exchange: rc.exchange.String(), AnsweredAt: timestamppb.New(rc.answeredAt),
	}, nil
}

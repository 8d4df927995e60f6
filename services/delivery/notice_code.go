package delivery

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/naru-relay/naru/pkg/fault"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

var _ deliveryv1.NoticeServiceServer = (*service)(nil)

// noticeCode is the code in notices of a document. It is checked by making it again, so notices cost no row.
func (s *service) noticeCode(number string) string {
	return codeFor(s.inviter.key, []byte("notice"), []byte(number))
}

// ConfirmNotice confirms a notice to whoever holds its code. A wrong code is found out before anything is looked up, and is
// answered like a number that nobody has.
func (s *service) ConfirmNotice(ctx context.Context, r *deliveryv1.ConfirmNoticeRequest) (*deliveryv1.ConfirmNoticeResponse, error) {
	if subtle.ConstantTimeCompare([]byte(typed(r.GetCode())), []byte(s.noticeCode(r.GetEdocNum()))) != 1 {
		return nil, noticeNotFound()
	}
	found, _, err := readReceived(ctx, s.db, r.GetEdocNum())
	if errors.Is(err, fault.NotFound) {
		return nil, noticeNotFound()
	}
	if err != nil {
		return nil, err
	}
	sender, err := s.inviter.names.of(ctx, found.GetSender())
	if err != nil {
		return nil, err
	}
	return &deliveryv1.ConfirmNoticeResponse{Sender: sender, ReceivedAt: found.GetReceivedAt()}, nil
}

package hub

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// RegisterCirculations registers a batch of records; each item's result is the hub's, 0 where its answer left the item out.
func (s *server) RegisterCirculations(ctx context.Context, r *hubv1.RegisterCirculationsRequest) (*hubv1.RegisterCirculationsResponse, error) {
	items := make([]hubclient.Circulation, len(r.GetItems()))
	numbers := make([]string, len(items))
	for i, item := range r.GetItems() {
		if err := checkItem(i, item); err != nil {
			return nil, err
		}
		numbers[i] = item.GetEdocNum()
		items[i] = circulationOf(item)
	}
	call, err := s.client.RegisterCirculations(items)
	results, rc, err := s.batch(ctx, call, err, numbers)
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterCirculationsResponse{Results: results, Exchange: rc.exchange.String(), AnsweredAt: timestamppb.New(rc.answeredAt)}, nil
}

// RegisterReadTimes registers a batch of read times.
func (s *server) RegisterReadTimes(ctx context.Context, r *hubv1.RegisterReadTimesRequest) (*hubv1.RegisterReadTimesResponse, error) {
	items := make([]hubclient.ReadTime, len(r.GetItems()))
	numbers := make([]string, len(items))
	for i, item := range r.GetItems() {
		if _, err := id.ParseEdocNumber(item.GetEdocNum()); err != nil {
			return nil, invalid(itemField(i, "edocNum"), "edoc_num", "an edoc number is required")
		}
		if !item.GetReadAt().IsValid() {
			return nil, invalid(itemField(i, "readAt"), "required", "a read time is required")
		}
		numbers[i] = item.GetEdocNum()
		items[i] = hubclient.ReadTime{EdocNum: item.GetEdocNum(), ReadAt: item.GetReadAt().AsTime()}
	}
	call, err := s.client.RegisterReadTimes(items)
	results, rc, err := s.batch(ctx, call, err, numbers)
	if err != nil {
		return nil, err
	}
	return &hubv1.RegisterReadTimesResponse{Results: results, Exchange: rc.exchange.String(), AnsweredAt: timestamppb.New(rc.answeredAt)}, nil
}

func (s *server) batch(ctx context.Context, call hubclient.Call, err error, numbers []string) ([]*hubv1.ItemResult, receipt, error) {
	if errors.Is(err, hubclient.ErrBatch) {
		return nil, receipt{}, invalid("items", "batch", "items must be within the hub's batch limit and name each edoc number once")
	}
	if err != nil {
		return nil, receipt{}, err
	}
	var results []int
	rc, err := s.exchanger.call(ctx, call, into(&results, func(a hubclient.Answer) ([]int, error) { return hubclient.ReadBatch(a, numbers) }))
	if err != nil {
		return nil, receipt{}, s.exchanger.faultOf(err)
	}
	answer := make([]*hubv1.ItemResult, len(numbers))
	for i, number := range numbers {
		answer[i] = &hubv1.ItemResult{EdocNum: number, Result: int32(results[i])} //nolint:gosec // bounded by ReadBatch
	}
	return answer, rc, nil
}

// checkItem refuses what could not even be written; the hub judges each item's content.
func checkItem(i int, item *hubv1.CirculationItem) error {
	if _, err := id.ParseEdocNumber(item.GetEdocNum()); err != nil {
		return invalid(itemField(i, "edocNum"), "edoc_num", "an edoc number is required")
	}
	switch {
	case !item.GetSentAt().IsValid():
		return invalid(itemField(i, "sentAt"), "required", "a sent time is required")
	case !item.GetReceivedAt().IsValid():
		return invalid(itemField(i, "receivedAt"), "required", "a received time is required")
	case docTypeOf(item.GetDocumentType()) < 0:
		return invalid(itemField(i, "documentType"), "enum.not_in", "a document type is required")
	default:
		return nil
	}
}

func circulationOf(item *hubv1.CirculationItem) hubclient.Circulation {
	c := hubclient.Circulation{
		EdocNum: item.GetEdocNum(), Title: item.GetTitle(), From: partyOf(item.GetFrom()), To: partyOf(item.GetTo()),
		SentAt: item.GetSentAt().AsTime(), ReceivedAt: item.GetReceivedAt().AsTime(),
		DocType: docTypeOf(item.GetDocumentType()), Hash: item.GetDocumentHash().GetValue(),
	}
	for _, h := range item.GetAttachmentHashes() {
		c.AttachmentHashes = append(c.AttachmentHashes, h.GetValue())
	}
	return c
}

func partyOf(p *platformv1.Party) hubclient.Party {
	return hubclient.Party{PlatformID: p.GetPlatformId(), Address: p.GetAddress(), SubAddress: p.GetSubAddress()}
}

// docTypeOf is the hub's docType (hub-interface 7.2); -1 for none.
func docTypeOf(t platformv1.DocumentType) int {
	switch t {
	case platformv1.DocumentType_DOCUMENT_TYPE_GENERAL:
		return 0
	case platformv1.DocumentType_DOCUMENT_TYPE_NOTICE:
		return 1
	case platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME:
		return 2
	case platformv1.DocumentType_DOCUMENT_TYPE_UNSPECIFIED:
		return -1
	default:
		return -1
	}
}

package circulation

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// hasher hashes contents with a key (keys.MAC): a title is short enough to be guessed from a plain hash.
type hasher interface {
	Sum(parts ...[]byte) []byte
	Equal(sum []byte, parts ...[]byte) bool
}

// Why a call must not be made at all.
const (
	defectContent = "CONTENT_DIFFERS"
	defectTitle   = "TITLE_UNREADABLE"
)

// item is a call's item for the hub. It holds the title in clear and is not stored.
func item(c call, title string) *hubv1.CirculationItem {
	return &hubv1.CirculationItem{
		EdocNum: c.number, Title: title, From: c.facts.GetFrom(), To: c.facts.GetTo(),
		SentAt: timestamppb.New(c.sentAt), ReceivedAt: timestamppb.New(c.receivedAt),
		DocumentType: c.facts.GetDocumentType(), DocumentHash: c.facts.GetDocumentHash(), AttachmentHashes: c.facts.GetAttachmentHashes(),
	}
}

// contentParts is everything that a registration sends to the hub, in the form in which it is sent.
func contentParts(i *hubv1.CirculationItem) [][]byte {
	parts := []string{
		registration.String(), i.GetEdocNum(), i.GetTitle(),
		i.GetFrom().GetPlatformId(), i.GetFrom().GetAddress(), i.GetFrom().GetSubAddress(),
		i.GetTo().GetPlatformId(), i.GetTo().GetAddress(), i.GetTo().GetSubAddress(),
		hubTime(i.GetSentAt().AsTime()), hubTime(i.GetReceivedAt().AsTime()),
		strconv.Itoa(int(i.GetDocumentType())), formatDigest(i.GetDocumentHash()),
	}
	for _, h := range i.GetAttachmentHashes() {
		parts = append(parts, formatDigest(h))
	}
	return bytesOf(parts)
}

// readParts is everything that a read time sends to the hub.
func readParts(number string, readAt time.Time) [][]byte {
	return bytesOf([]string{readTime.String(), number, hubTime(readAt)})
}

func bytesOf(parts []string) [][]byte {
	all := make([][]byte, len(parts))
	for i, p := range parts {
		all[i] = []byte(p)
	}
	return all
}

// hubTime is a time as the hub gets it: KST, truncated to seconds (docs/architecture.md, Times).
func hubTime(t time.Time) string { return t.In(id.KST).Truncate(time.Second).Format(time.DateTime) }

// prepared is a call that may be sent.
type prepared struct {
	attempt
	item *hubv1.CirculationItem
}

// prepare makes the content of each call and compares it with what was sent before. It separates calls that must not be sent, or
// not now.
func (s *service) prepare(ctx context.Context, calls []call) (ready []prepared, kept []attempt) {
	for _, c := range calls {
		p := prepared{attempt: attempt{call: c}}
		var parts [][]byte
		if c.kind == registration {
			title, err := s.titles.Open(ctx, sealedTitle, c.number, c.facts.GetSealedTitle())
			if err != nil {
				p.defect = titleDefect(err)
				s.metrics.held(ctx, c.kind, err)
				kept = append(kept, p.attempt)
				continue
			}
			p.item = item(c, string(title))
			parts = contentParts(p.item)
		} else {
			parts = readParts(c.number, c.readAt)
		}
		if c.digest != nil && !s.contents.Equal(c.digest, parts...) {
			p.defect = defectContent
			kept = append(kept, p.attempt)
			continue
		}
		if p.digest = c.digest; p.digest == nil {
			p.digest = s.contents.Sum(parts...)
		}
		ready = append(ready, p)
	}
	return ready, kept
}

// titleDefect returns why a title can never be opened; it is empty if its key is only unavailable now.
func titleDefect(err error) string {
	switch fault.KindOf(err) {
	case fault.Corrupt, fault.NotFound:
		return defectTitle
	default:
		return ""
	}
}

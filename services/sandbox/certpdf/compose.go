package certpdf

import (
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/id"
)

// titleCirculation is the title of a distribution certificate.
const titleCirculation = "전자문서 유통증명서"

const (
	notViewed = "열람하지 않음"
	notStated = "기재 없음"
)

// compose draws the content groups of Decree article 2-5 ②: title; parties and their addresses; times; hash; certificate number;
// validity. An absent value is stated as absent, never left blank.
func compose(c *distcert.Content) (*sheet, error) {
	s := newSheet(titleCirculation)
	s.heading("1. 증명서")
	s.row("증명서 일련번호", c.CertNum)
	s.row("발급일시", seconds(c.IssuedAt))
	s.row("유효기간", seconds(c.IssuedAt)+" ~ "+seconds(c.ValidUntil))
	s.row("신청인 전자주소", c.Applicant)
	s.row("발급 사유", stated(c.Reason))

	s.heading("2. 전자문서")
	s.row("전자문서 번호", c.EdocNum)
	s.row("전자문서 제목", c.Title)

	s.party("3. 송신자", c.Sender)
	s.party("4. 수신자", c.Recipient)

	s.heading("5. 유통 일시 (한국표준시)")
	s.row("송신일시", seconds(c.SentAt))
	s.row("수신일시", seconds(c.ReceivedAt))
	if c.ReadAt.IsZero() {
		s.row("열람일시", notViewed)
	} else {
		s.row("열람일시", seconds(c.ReadAt))
	}

	s.heading("6. 해시값 (" + distcert.HashAlgorithm + ")")
	s.row("본문", c.Hash)
	for i, hash := range c.AttachmentHashes {
		s.row(fmt.Sprintf("첨부 %d", i+1), hash)
	}
	if len(c.AttachmentHashes) == 0 {
		s.row("첨부", "첨부 없음")
	}

	s.heading("7. 확인 방법")
	s.row("전자서명", "이 파일 전체에 전자서명이 되어 있으며, 시험용 루트 인증서로 확인합니다.")
	s.row("기계 판독 정보", "첨부 "+distcert.AttachmentName+" (같은 전자서명의 대상)")
	s.footers(c.CertNum)
	return s, s.err
}

func (s *sheet) party(heading string, p distcert.Party) {
	s.heading(heading)
	s.row("성명·명칭", stated(p.Name))
	s.row("전자주소", p.Address)
	if p.SubAddress != "" {
		s.row("하위 주소", p.SubAddress)
	}
	s.row("중계 플랫폼 ID", p.PlatformID)
}

func stated(text string) string {
	if text == "" {
		return notStated
	}
	return text
}

// seconds formats a time as the hub does: KST, whole seconds.
func seconds(at time.Time) string { return at.In(id.KST).Format("2006-01-02 15:04:05") }

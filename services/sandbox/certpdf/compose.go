package certpdf

import (
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/paper"
)

// titleCirculation is the title of a distribution certificate.
const titleCirculation = "전자문서 유통증명서"

// Mark is printed on every page.
const Mark = "시험용"

func look(title string) paper.Look {
	return paper.Look{Title: title, Mark: Mark, Notice: "법적 효력이 없습니다"}
}

func twinOf(title, name string, content []byte) paper.Attachment {
	return paper.Attachment{Title: title + " (" + Mark + ")", Name: name, Content: content}
}

const (
	notViewed = "열람하지 않음"
	notStated = "기재 없음"
)

// compose draws the content groups of Decree article 2-5 ②: title; parties and their addresses; times; hash; certificate number;
// validity. An absent value is stated as absent, never left blank.
func compose(c *distcert.Content) (*paper.Sheet, error) {
	s := paper.New(look(titleCirculation))
	s.Heading("1. 증명서")
	s.Row("증명서 일련번호", c.CertNum)
	s.Row("발급일시", seconds(c.IssuedAt))
	s.Row("유효기간", seconds(c.IssuedAt)+" ~ "+seconds(c.ValidUntil))
	s.Row("신청인 전자주소", c.Applicant)
	s.Row("발급 사유", stated(c.Reason))

	s.Heading("2. 전자문서")
	s.Row("전자문서 번호", c.EdocNum)
	s.Row("전자문서 제목", c.Title)

	party(s, "3. 송신자", c.Sender)
	party(s, "4. 수신자", c.Recipient)

	s.Heading("5. 유통 일시 (한국표준시)")
	s.Row("송신일시", seconds(c.SentAt))
	s.Row("수신일시", seconds(c.ReceivedAt))
	if c.ReadAt.IsZero() {
		s.Row("열람일시", notViewed)
	} else {
		s.Row("열람일시", seconds(c.ReadAt))
	}

	s.Heading("6. 해시값 (" + distcert.HashAlgorithm + ")")
	s.Row("본문", c.Hash)
	for i, hash := range c.AttachmentHashes {
		s.Row(fmt.Sprintf("첨부 %d", i+1), hash)
	}
	if len(c.AttachmentHashes) == 0 {
		s.Row("첨부", "첨부 없음")
	}

	s.Heading("7. 확인 방법")
	s.Row("전자서명", "이 파일 전체에 전자서명이 되어 있으며, 시험용 루트 인증서로 확인합니다.")
	s.Row("기계 판독 정보", "첨부 "+distcert.AttachmentName+" (같은 전자서명의 대상)")
	s.Footers(c.CertNum)
	return s, s.Err()
}

func party(s *paper.Sheet, heading string, p distcert.Party) {
	s.Heading(heading)
	s.Row("성명·명칭", stated(p.Name))
	s.Row("전자주소", p.Address)
	if p.SubAddress != "" {
		s.Row("하위 주소", p.SubAddress)
	}
	s.Row("중계 플랫폼 ID", p.PlatformID)
}

func stated(text string) string {
	if text == "" {
		return notStated
	}
	return text
}

// seconds formats a time as the hub does: KST, whole seconds.
func seconds(at time.Time) string { return at.In(id.KST).Format("2006-01-02 15:04:05") }

package validation

import "github.com/naru-relay/naru/pkg/bundle"

// steps are the facts of a timeline, in Korean and English.
var steps = map[string][2]string{
	"naru.intake.v1.DocumentAccepted":           {"발송요청 접수", "request to send accepted"},
	"naru.archive.v1.DocumentDeposited":         {"전자문서센터 등록", "registered at the archive"},
	"naru.delivery.v1.DocumentReceived":         {"송신, 수신", "sent and received"},
	"naru.viewing.v1.ViewingTokenIssued":        {"열람인증토큰 발급", "viewing token issued"},
	"naru.viewing.v1.ViewingTokenVerified":      {"열람인증토큰 검증", "viewing token verified"},
	"naru.viewing.v1.DocumentRead":              {"열람 보고", "read, reported"},
	"naru.circulation.v1.CirculationRegistered": {"유통정보 등록", "circulation registered at the hub"},
	"naru.circulation.v1.ReadTimeRegistered":    {"열람일시 등록", "read time registered at the hub"},
}

// timeline tells the steps of a bundle in the evidence form; nothing of other bundles.
func (s sheet) timeline(b *bundle.Summary) {
	if b == nil || len(b.Timeline) == 0 {
		return
	}
	s.Text(s.language.say("처리 이력", "Timeline"), 0)
	for _, step := range b.Timeline {
		words, known := steps[step.Kind]
		if !known {
			words = [2]string{step.Kind, step.Kind}
		}
		s.Text("· "+seconds(step.At)+"  "+s.language.say(words[0], words[1]), 1)
	}
}

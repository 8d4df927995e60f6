package validation

import (
	"fmt"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/paper"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

// kinds are what was verified, in Korean and English.
var kinds = map[bundle.Kind][2]string{
	bundle.KindBundle:       {"전자증명서 묶음", "certificate bundle"},
	bundle.KindDistribution: {"유통증명서", "distribution certificate"},
	bundle.KindOriginal:     {"원본증명서", "original certificate"},
	bundle.KindRegistration: {"최초등록증명서", "registration certificate"},
	bundle.KindReceipt:      {"접수증", "receipt of acceptance"},
	bundle.KindViewingLog:   {"열람 기록 확인서", "extract of a viewing log"},
}

func draw(r *bundle.Report, opts Options, signed bool) *paper.Sheet {
	l := opts.Language
	look := paper.Look{Title: title, Mark: opts.Mark, Notice: "법적 효력이 없습니다"}
	if l == English {
		look.Title, look.Notice = "Validation report", "without legal effect"
	}
	if !signed {
		look.Mark, look.Notice = "서명 없음", "전자서명이 없는 보고서입니다"
		if l == English {
			look.Mark, look.Notice = "NOT SIGNED", "nobody signed this report"
		}
	}
	s := sheet{paper.New(look), l}
	s.heading(1, "결과", "Result")
	if r.Valid {
		s.row("판정", "Verdict", l.say("유효함", "VALID")+" — "+l.say("필요한 확인을 모두 통과했습니다.", "every check that has to pass did."))
	} else {
		s.row("판정", "Verdict", l.say("유효하지 않음", "NOT VALID")+" — "+l.say("통과하지 못했거나 할 수 없었던 확인이 있습니다.", "checks failed or could not be made."))
	}
	s.row("검증한 곳", "Verified by", opts.Verifier)
	s.row("검증일시", "Verified at", seconds(r.VerifiedAt))
	if r.EvidenceAt != nil {
		s.row("기준일시", "As of", seconds(*r.EvidenceAt)+" ("+l.say("시점확인", "time stamp")+")")
	} else {
		s.row("기준일시", "As of", l.say("검증일시 (확인된 시점확인 없음)", "the verification (no time stamp holds)"))
	}
	if !signed {
		s.sentences("이 보고서에는 전자서명과 시점확인이 없습니다. 누구나 바꿀 수 있으므로, 만든 사람이 아니면 믿지 말고 파일을 직접 검증하십시오.",
			"This report is neither signed nor time-stamped. Anybody can change it: who did not make it should verify the file instead.", 0)
	}
	s.heading(2, "검증한 파일", "File")
	s.row("종류", "Kind", l.say(kinds[r.Kind][0], kinds[r.Kind][1]))
	s.row("해시값 SHA-256", "SHA-256", r.Digest)
	s.row("크기", "Size", strconv.FormatInt(r.Size, 10)+" bytes")
	s.heading(3, "파일이 밝힌 내용", "What the file states")
	switch {
	case r.Receipt != nil:
		s.receipt(r.Receipt)
	case r.ViewingLog != nil:
		s.viewingLog(r.ViewingLog)
	default:
		s.stated(r.Bundle)
		s.timeline(r.Bundle)
	}
	s.checks(4, "통과하지 못한 확인", "Checks that failed", proof.NotPassed, r)
	s.checks(5, "할 수 없었던 확인", "Checks that could not be made", proof.NotCheckable, r)
	s.checks(6, "통과한 확인", "Checks that passed", proof.Passed, r)
	s.heading(7, "이 보고서의 확인 방법", "How to verify this report")
	if signed {
		s.sentences("이 파일 전체에 검증한 곳의 전자서명과 시점확인이 되어 있습니다. PDF 열람기나 pdfsig로 확인합니다.",
			"The whole file is signed by the verifier and time-stamped; a PDF reader or pdfsig verifies that.", 0)
	} else {
		s.sentences("전자서명이 없어 확인할 수 없습니다.", "It is not signed, so nothing of it can be verified.", 0)
	}
	s.sentences("첨부 "+AttachmentName+"은 같은 내용의 기계 판독 정보입니다. 파일 자체는 naru verify로, 묶음은 그 안 verify.txt의 방법으로도 누구나 다시 확인할 수 있습니다.",
		"The attachment "+AttachmentName+" has the same for machines. Anybody can verify the file again with naru verify, a bundle also as its verify.txt says.", 0)
	s.Footers(r.Digest[:16])
	return s.Sheet
}

// stated tells what a bundle or a distribution certificate says of itself.
func (s sheet) stated(b *bundle.Summary) {
	if b == nil || b.EdocNum == "" {
		s.Text(s.language.say("읽을 수 있는 내용이 없습니다.", "Nothing that could be read."), 0)
		return
	}
	s.row("전자문서 번호", "Document number", b.EdocNum)
	s.row("증명서 일련번호", "Certificate", b.CertNum)
	s.row("송신자", "Sender", b.Sender.Address+" ("+b.Sender.PlatformID+")")
	s.row("수신자", "Recipient", b.Recipient.Address+" ("+b.Recipient.PlatformID+")")
	s.row("송신일시", "Sent", seconds(b.SentAt))
	s.row("수신일시", "Received", seconds(b.ReceivedAt))
	if b.ReadAt != nil {
		s.row("열람일시", "Read", seconds(*b.ReadAt))
	} else {
		s.row("열람일시", "Read", s.language.say("열람하지 않음", "not read"))
	}
	if b.Assembler != "" {
		s.row("묶은 곳", "Assembled by", b.Assembler)
	}
	if b.StampedUntil != nil {
		s.row("시점확인 만료", "Stamped until", seconds(*b.StampedUntil))
	}
}

// receipt tells what a receipt says of itself.
func (s sheet) receipt(r *bundle.ReceiptSummary) {
	s.row("전자문서 번호", "Document number", r.EdocNum)
	if r.Relay != "" {
		s.row("접수한 중계자", "Accepted by", r.Relay)
	}
	if at, known := r.Accepted(); known {
		s.row("접수일시", "Accepted", seconds(at))
	}
	s.row("문서 해시값", "Document hash", r.DocumentHash.Algorithm+" "+r.DocumentHash.Value)
	s.row("송신자의 관리번호", "Sender's own key", r.OwnKey)
	s.row("송신자 식별번호", "Sender's id", r.Sender)
}

// viewingLog tells what an extract of a viewing log says of itself, entry by entry.
func (s sheet) viewingLog(l *bundle.ViewingLogSummary) {
	s.row("전자문서 번호", "Document number", l.EdocNum)
	if l.Relay != "" {
		s.row("서명한 중계자", "Signed by", l.Relay)
	}
	s.row("만든 때", "Made", logged(l.MadeAt))
	switch l.For {
	case viewinglog.Sender:
		s.row("받은 쪽", "Made for", s.language.say("송신자", "the sender"))
	case viewinglog.Recipient:
		s.row("받은 쪽", "Made for", s.language.say("수신자", "the recipient"))
	}
	s.row("문서 해시값", "Document hash", l.DocumentHash.Algorithm+" "+l.DocumentHash.Value)
	s.row("수신자", "Recipient", l.RecipientAddress)
	s.row("송신일시", "Sent", logged(l.SentAt))
	s.row("수신일시", "Received", logged(l.ReceivedAt))
	for _, e := range l.Entries {
		s.Keep(linesOfCheck)
		s.Text(fmt.Sprintf("· %d. %s %s (%s)", e.Number, s.language.say("열람인증토큰 발급", "token given"), logged(e.GivenAt), e.ViewingSystem), 0)
		if e.OpenedAt != "" {
			s.Text(s.language.say("열람", "opened")+" "+logged(e.OpenedAt), 1)
		}
		if e.ReadAt != "" {
			s.Text(s.language.say("열람일시", "read time")+" "+logged(e.ReadAt), 1)
		}
	}
	if len(l.Entries) == 0 {
		s.Text(s.language.say("발급된 열람인증토큰이 없습니다.", "No viewing token was given."), 0)
	}
	if l.After > 0 || l.More {
		s.Text(s.language.say("이 확인서는 긴 기록의 일부입니다.", "This extract is a part of a longer log."), 0)
	}
}

// linesOfCheck stay on one page.
const linesOfCheck = 4

// checks lists those of one outcome. That none failed is told, too; the other groups are left out where they are empty.
func (s sheet) checks(number int, korean, english string, outcome proof.Outcome, r *bundle.Report) {
	found := false
	for _, c := range r.Checks {
		if c.Outcome != outcome {
			continue
		}
		if !found {
			s.heading(number, korean, english)
			found = true
		}
		s.Keep(linesOfCheck)
		s.check(c)
	}
	if !found && outcome == proof.NotPassed {
		s.heading(number, korean, english)
		s.Text(s.language.say("없음", "none"), 0)
	}
}

func (s sheet) check(c bundle.Check) {
	words := bundle.DefinitionOf(c.ID)
	of := "  [" + c.ID + "]"
	if c.Subject != "" {
		of += "  " + c.Subject
	}
	switch s.language {
	case Korean:
		s.Text("· "+words.Korean+of, 0)
	case English:
		s.Text("· "+words.English+of, 0)
	case Both:
		s.Text("· "+words.Korean, 0)
		s.Text(words.English+of, 1)
	}
	if c.Detail != "" {
		s.Text("→ "+c.Detail, 1)
	}
}

// seconds is KST.
func seconds(at time.Time) string { return at.In(id.KST).Format("2006-01-02 15:04:05") + " KST" }

// logged is a time of an extract as this report writes times; what is none is shown as it is.
func logged(text string) string {
	at, err := viewinglog.ParseTime(text)
	if err != nil {
		return text
	}
	return seconds(at)
}

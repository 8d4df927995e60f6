package validation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/paper"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/viewinglog"
)

const (
	// MediaType of a signed report.
	MediaType = "application/pdf"
	// AttachmentName is the name of the report for machines in it.
	AttachmentName = "report.json"

	title = "전자증명서 검증보고서"
	field = "검증자 서명"
)

// Options of a signed report.
type Options struct {
	// Signer signs. Required.
	Signer bundle.Signer
	// Stamper stamps the signature. Required: the time of a report is not its signer's to say.
	Stamper bundle.Stamper
	// Verifier is who verified, as the report calls it. Required.
	Verifier string
	// Mark is written across each page, e.g. 시험용; empty for none.
	Mark string
}

// Sign draws a report and signs it. The error of an authority that does not answer is the stamper's.
func Sign(ctx context.Context, r *bundle.Report, opts Options) ([]byte, error) {
	if opts.Signer.Key == nil || opts.Stamper == nil || opts.Verifier == "" {
		return nil, errors.New("sign validation report: signer, authority and verifier are required")
	}
	machine, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("sign validation report: %w", err)
	}
	drawn, err := draw(r, opts).Bytes()
	if err != nil {
		return nil, fmt.Errorf("draw validation report: %w", err)
	}
	unsigned, err := paper.Attach(drawn, paper.Attachment{Title: title, Name: AttachmentName, Content: machine}, r.VerifiedAt)
	if err != nil {
		return nil, fmt.Errorf("draw validation report: %w", err)
	}
	signed, err := pades.Sign(ctx, unsigned, pades.Options{
		Signer: opts.Signer.Key, Chain: opts.Signer.Chain, At: r.VerifiedAt, Field: field, Reason: title,
		Stamp: func(ctx context.Context, hash [32]byte) ([]byte, error) {
			der, _, err := opts.Stamper.Stamp(ctx, hash)
			return der, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("sign validation report: %w", err)
	}
	return signed, nil
}

// kinds are what was verified, in Korean and English.
var kinds = map[bundle.Kind]string{
	bundle.KindBundle:       "전자증명서 묶음 / certificate bundle",
	bundle.KindDistribution: "유통증명서 / distribution certificate",
	bundle.KindOriginal:     "원본증명서 / original certificate",
	bundle.KindRegistration: "최초등록증명서 / registration certificate",
	bundle.KindReceipt:      "접수증 / receipt of acceptance",
	bundle.KindViewingLog:   "열람 기록 확인서 / extract of a viewing log",
}

func draw(r *bundle.Report, opts Options) *paper.Sheet {
	s := paper.New(paper.Look{Title: title, Mark: opts.Mark, Notice: "법적 효력이 없습니다"})
	s.Heading("1. 결과 / Result")
	if r.Valid {
		s.Row("판정", "유효함 / VALID — 필요한 확인을 모두 통과했습니다.")
	} else {
		s.Row("판정", "유효하지 않음 / NOT VALID — 통과하지 못한 확인이 있습니다.")
	}
	s.Row("검증한 곳", opts.Verifier)
	s.Row("검증일시", seconds(r.VerifiedAt))
	if r.EvidenceAt != nil {
		s.Row("기준일시", seconds(*r.EvidenceAt)+" (시점확인 / time stamp)")
	} else {
		s.Row("기준일시", "검증일시 (확인된 시점확인 없음 / no time stamp holds)")
	}
	s.Heading("2. 검증한 파일 / File")
	s.Row("종류", kinds[r.Kind])
	s.Row("해시값 SHA-256", r.Digest)
	s.Row("크기", strconv.FormatInt(r.Size, 10)+" bytes")
	s.Heading("3. 파일이 밝힌 내용 / What the file states")
	switch {
	case r.Receipt != nil:
		receipt(s, r.Receipt)
	case r.ViewingLog != nil:
		viewingLog(s, r.ViewingLog)
	default:
		stated(s, r.Bundle)
	}
	timeline(s, r.Bundle)
	for i, group := range []struct {
		outcome proof.Outcome
		heading string
	}{
		{proof.NotPassed, "4. 통과하지 못한 확인 / Checks that failed"},
		{proof.NotCheckable, "5. 할 수 없었던 확인 / Checks that could not be made"},
		{proof.Passed, "6. 통과한 확인 / Checks that passed"},
	} {
		checks(s, group.heading, group.outcome, r, i == 0)
	}
	s.Heading("7. 이 보고서의 확인 방법 / How to verify this report")
	s.Text("이 파일 전체에 검증한 곳의 전자서명과 시점확인이 되어 있습니다. PDF 열람기나 pdfsig로 확인합니다.", 0)
	s.Text("The whole file is signed by the verifier and time-stamped; a PDF reader or pdfsig verifies that.", 0)
	s.Text("첨부 "+AttachmentName+"은 같은 내용의 기계 판독 정보입니다. 묶음 자체는 naru verify나 묶음 안 verify.txt의 방법으로 누구나 다시 확인할 수 있습니다.", 0)
	s.Footers(r.Digest[:16])
	return s
}

// stated tells what the file says of itself.
func stated(s *paper.Sheet, b *bundle.Summary) {
	if b == nil || b.EdocNum == "" {
		s.Text("읽을 수 있는 내용이 없습니다. / Nothing that could be read.", 0)
		return
	}
	s.Row("전자문서 번호", b.EdocNum)
	s.Row("증명서 일련번호", b.CertNum)
	s.Row("송신자", b.Sender.Address+" ("+b.Sender.PlatformID+")")
	s.Row("수신자", b.Recipient.Address+" ("+b.Recipient.PlatformID+")")
	s.Row("송신일시", seconds(b.SentAt))
	s.Row("수신일시", seconds(b.ReceivedAt))
	if b.ReadAt != nil {
		s.Row("열람일시", seconds(*b.ReadAt))
	} else {
		s.Row("열람일시", "열람하지 않음 / not read")
	}
	if b.Assembler != "" {
		s.Row("묶은 곳", b.Assembler)
	}
	if b.StampedUntil != nil {
		s.Row("시점확인 만료", seconds(*b.StampedUntil))
	}
}

// receipt tells what a receipt says of itself.
func receipt(s *paper.Sheet, r *bundle.ReceiptSummary) {
	s.Row("전자문서 번호", r.EdocNum)
	if r.Relay != "" {
		s.Row("접수한 중계자", r.Relay)
	}
	if at, known := r.Accepted(); known {
		s.Row("접수일시", seconds(at))
	}
	s.Row("문서 해시값", r.DocumentHash.Algorithm+" "+r.DocumentHash.Value)
	s.Row("송신자의 관리번호", r.OwnKey)
	s.Row("송신자 식별번호", r.Sender)
}

// viewingLog tells what an extract of a viewing log says of itself, entry by entry.
func viewingLog(s *paper.Sheet, l *bundle.ViewingLogSummary) {
	s.Row("전자문서 번호", l.EdocNum)
	if l.Relay != "" {
		s.Row("서명한 중계자", l.Relay)
	}
	s.Row("만든 때", logged(l.MadeAt))
	s.Row("받은 쪽", map[viewinglog.Party]string{viewinglog.Sender: "송신자 / sender", viewinglog.Recipient: "수신자 / recipient"}[l.For])
	s.Row("문서 해시값", l.DocumentHash.Algorithm+" "+l.DocumentHash.Value)
	s.Row("수신자", l.RecipientAddress)
	s.Row("송신일시", logged(l.SentAt))
	s.Row("수신일시", logged(l.ReceivedAt))
	for _, e := range l.Entries {
		s.Keep(linesOfCheck)
		s.Text(fmt.Sprintf("· %d. 열람인증토큰 발급 / token given %s (%s)", e.Number, logged(e.GivenAt), e.ViewingSystem), 0)
		if e.OpenedAt != "" {
			s.Text("열람 / opened "+logged(e.OpenedAt), 1)
		}
		if e.ReadAt != "" {
			s.Text("열람일시 / read time "+logged(e.ReadAt), 1)
		}
	}
	if len(l.Entries) == 0 {
		s.Text("발급된 열람인증토큰이 없습니다. / No viewing token was given.", 0)
	}
	if l.After > 0 || l.More {
		s.Text("이 확인서는 긴 기록의 일부입니다. / This extract is a part of a longer log.", 0)
	}
}

// logged is a time of an extract as this report writes times; what is none is shown as it is.
func logged(text string) string {
	at, err := viewinglog.ParseTime(text)
	if err != nil {
		return text
	}
	return seconds(at)
}

// linesOfCheck stay on one page.
const linesOfCheck = 4

// checks lists those of one outcome; a group that is empty is told only where that says something.
func checks(s *paper.Sheet, heading string, outcome proof.Outcome, r *bundle.Report, tellNone bool) {
	found := false
	for _, c := range r.Checks {
		if c.Outcome != outcome {
			continue
		}
		if !found {
			s.Heading(heading)
			found = true
		}
		s.Keep(linesOfCheck)
		words := bundle.DefinitionOf(c.ID)
		s.Text("· "+words.Korean, 0)
		english := words.English + "  [" + c.ID + "]"
		if c.Subject != "" {
			english += "  " + c.Subject
		}
		s.Text(english, 1)
		if c.Detail != "" {
			s.Text("→ "+c.Detail, 1)
		}
	}
	if !found && tellNone {
		s.Heading(heading)
		s.Text("없음 / none", 0)
	}
}

// seconds is KST.
func seconds(at time.Time) string { return at.In(id.KST).Format("2006-01-02 15:04:05") + " KST" }

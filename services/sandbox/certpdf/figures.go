package certpdf

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/paper"
	"github.com/naru-relay/naru/pkg/proof"
)

// Figures are what a certificate of monthly figures (전자문서 유통정보 수치 확인서, hub-interface 5.2) states about the documents that an
// address sent.
type Figures struct {
	// Address and Name of the owner; Period is yyyy-mm (KST).
	Address, Name, Period string
	// Of the documents sent in the period: how many were received, and how many were viewed.
	ReceivedOfSent, ReadOfSent int64
	// Whenever they were sent: how many were received in the period, and how many were viewed in it.
	Received, Read int64
	IssuedAt       time.Time
}

const titleFigures = "전자문서 유통정보 수치 확인서"

// FiguresAttachment is the name of the attachment that holds the figures.
const FiguresAttachment = "figures.json"

// RenderFigures draws and signs a certificate of monthly figures. Errors never repeat a value.
func RenderFigures(f Figures, opts Options) ([]byte, error) {
	if opts.Signer == nil || len(opts.Chain) == 0 || opts.At.IsZero() || opts.LongTerm != nil {
		return nil, errors.New("render certificate: signer, chain and time are required, and no validation data is added")
	}
	twin, err := proof.Encode(struct {
		Eaddr             string `json:"eaddr"`
		Name              string `json:"name"`
		Period            string `json:"period"`
		RecvCountFromSent int64  `json:"recvCountFromSent"`
		ReadCountFromSent int64  `json:"readCountFromSent"`
		RecvCount         int64  `json:"recvCount"`
		ReadCount         int64  `json:"readCount"`
		IssuedAt          string `json:"issuedAt"`
	}{f.Address, f.Name, f.Period, f.ReceivedOfSent, f.ReadOfSent, f.Received, f.Read, seconds(f.IssuedAt)})
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	s := paper.New(look(titleFigures))
	s.Heading("1. 확인서")
	s.Row("발급일시", seconds(f.IssuedAt))
	s.Row("대상 기간", f.Period)
	s.Heading("2. 대상")
	s.Row("성명·명칭", stated(f.Name))
	s.Row("전자주소", f.Address)
	s.Heading("3. 기간 내 발송 문서")
	s.Row("수신 건수", strconv.FormatInt(f.ReceivedOfSent, 10))
	s.Row("열람 건수", strconv.FormatInt(f.ReadOfSent, 10))
	s.Heading("4. 기간 내 수신·열람")
	s.Row("수신 건수", strconv.FormatInt(f.Received, 10))
	s.Row("열람 건수", strconv.FormatInt(f.Read, 10))
	s.Footers(f.Period)
	if s.Err() != nil {
		return nil, fmt.Errorf("render certificate: %w", s.Err())
	}
	return seal(s, titleFigures, twinOf(titleFigures, FiguresAttachment, twin), opts)
}

package web

import (
	"errors"
	"io"
	"net/http"

	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

func (v *visit) showVerify() error {
	limits, err := v.verificationLimits()
	if err != nil {
		return err
	}
	return v.verifyForm(http.StatusOK, ui.Form{}, limits)
}

func (v *visit) verificationLimits() (*certificatev1.GetVerificationLimitsResponse, error) {
	return v.relay.verification.GetVerificationLimits(v.r.Context(), &certificatev1.GetVerificationLimitsRequest{})
}

func (v *visit) verifyForm(status int, form ui.Form, limits *certificatev1.GetVerificationLimitsResponse) error {
	return v.show(status, ui.Verify(v.frame(locale.VerifyTitle), ui.VerifyView{Form: form, Limit: limits.GetFileBytes(), Reports: limits.GetSignedReports()}))
}

// verify has a file verified, for anybody: it needs no session, changes nothing, and the file is passed on while it arrives.
func (v *visit) verify() error {
	if err := v.fileTimes(); err != nil {
		return err
	}
	limits, err := v.verificationLimits()
	if err != nil {
		return err
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, limits.GetFileBytes()+formBytes)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return invalidForm("the body is no form with a file")
	}
	form := &brought{parts: parts, values: map[string]string{}}
	name, file, err := form.next()
	if err != nil {
		return err
	}
	needs := ui.Form{Wrong: []ui.Wrong{{Field: "file", Text: locale.VerifyNeeds}}}
	if name != "file" || file == nil {
		return v.verifyForm(http.StatusUnprocessableEntity, needs, limits)
	}
	stream, err := v.relay.verification.VerifyFile(v.r.Context())
	if err != nil {
		return err
	}
	piece, size := make([]byte, appendBytes), 0
	for err == nil {
		var n int
		n, err = io.ReadFull(file, piece)
		size += n
		if n > 0 {
			if failure := stream.Send(&certificatev1.VerifyFileRequest{Data: piece[:n]}); failure != nil {
				break // the answer says why
			}
		}
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return arriving(err)
	}
	if size == 0 {
		return v.verifyForm(http.StatusUnprocessableEntity, needs, limits)
	}
	// The button that was pressed comes after the file.
	if name, _, err := form.next(); err != nil {
		return err
	} else if name == "report" {
		_ = stream.Send(&certificatev1.VerifyFileRequest{SignedReport: true}) // the answer says why it fails
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	if signed := answer.GetReport().GetSignedReport(); len(signed) > 0 {
		return v.file("validation-report.pdf", pdf, signed)
	}
	return v.show(http.StatusOK, ui.Verified(v.frame(locale.VerifyTitle), v.verified(answer.GetReport())))
}

// verified sorts the checks: what failed is what a reader looks for.
func (v *visit) verified(r *certificatev1.ValidationReport) ui.VerifiedView {
	b := r.GetBundle()
	view := ui.VerifiedView{
		Valid: r.GetValid(), Number: b.GetEdocNum(), CertNum: b.GetCertNum(), Sender: b.GetSender(), Recipient: b.GetRecipient(), Assembler: b.GetAssembler(),
		SentAt: timeOf(b.GetSentAt()), ReceivedAt: timeOf(b.GetReceivedAt()), ReadAt: timeOf(b.GetReadAt()), Stamped: timeOf(r.GetEvidenceAt()),
	}
	if s := r.GetReceipt(); s != nil {
		view.Number, view.Relay, view.AcceptedAt = s.GetEdocNum(), s.GetRelay(), timeOf(s.GetAcceptedAt())
	}
	for _, step := range b.GetTimeline() {
		what, _ := locale.SentStep(step.GetKind())
		view.Steps = append(view.Steps, ui.StepView{At: timeOf(step.GetAt()), What: what})
	}
	if l := r.GetViewingLog(); l != nil {
		view.Number, view.Relay, view.MadeAt, view.ReadAt = l.GetEdocNum(), l.GetRelay(), timeOf(l.GetMadeAt()), timeOf(l.GetReadAt())
	}
	for _, c := range r.GetChecks() {
		one := ui.CheckView{ID: c.GetId(), Text: c.GetKorean()}
		if v.say == locale.English {
			one.Text = c.GetEnglish()
		}
		if c.GetSubject() != "" {
			one.Detail = c.GetSubject()
		}
		switch c.GetOutcome() {
		case certificatev1.CheckOutcome_CHECK_OUTCOME_PASSED:
			view.Passed = append(view.Passed, one)
		case certificatev1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKABLE:
			view.Unchecked = append(view.Unchecked, one)
		case certificatev1.CheckOutcome_CHECK_OUTCOME_FAILED, certificatev1.CheckOutcome_CHECK_OUTCOME_UNSPECIFIED:
			view.Failed = append(view.Failed, one)
		}
	}
	return view
}

package web

import (
	"net/http"
	"slices"

	"github.com/naru-relay/naru/pkg/text"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// certificates is the part of a document's page about them.
func (v *visit) certificates(number, action string, form ui.Form) (ui.CertificatesView, error) {
	view := ui.CertificatesView{Form: form, Action: action, RequestID: requestID(), Hidden: !v.session.may(ui.ScopeCertificates)}
	if view.Hidden {
		return view, nil
	}
	answer, err := v.relay.certificates.ListCertificates(v.as(), &certificatev1.ListCertificatesRequest{EdocNum: number})
	if err != nil {
		return view, err
	}
	for _, c := range answer.GetCertificates() {
		view.All = append(view.All, v.certificate(c))
	}
	return view, nil
}

func (v *visit) certificate(c *certificatev1.Certificate) ui.CertificateView {
	view := ui.CertificateView{
		ID: c.GetId(), Number: c.GetCertNum(), Document: c.GetEdocNum(), AskedAt: timeOf(c.GetRequestedAt()), IssuedAt: timeOf(c.GetIssuedAt()),
		ValidUntil: timeOf(c.GetValidUntil()), State: locale.CertificateWaiting, Problem: v.problem(c.GetReason()),
	}
	switch c.GetState() {
	case certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED:
		view.State, view.Issued = locale.CertificateIssued, true
	case certificatev1.CertificateState_CERTIFICATE_STATE_FAILED:
		view.State = locale.CertificateFailed
	case certificatev1.CertificateState_CERTIFICATE_STATE_REQUESTED, certificatev1.CertificateState_CERTIFICATE_STATE_UNSPECIFIED:
		view.Waiting = true
	}
	return view
}

// problem says what a machine reason means; empty for none.
func (v *visit) problem(reason string) string {
	if reason == "" {
		return ""
	}
	p, _ := locale.ProblemOf(reason)
	return v.say.Say(p.What) + " " + v.say.Say(p.Do)
}

func (v *visit) requestReceived() error { return v.requestCertificate("inbox", v.document) }

func (v *visit) requestSent() error { return v.requestCertificate("sent", v.sentDocument) }

// requestCertificate asks for one; again shows the document's page with what has to be corrected.
func (v *visit) requestCertificate(list string, again func(int, ui.Form) error) error {
	reason, ok := text.Line(v.form("reason"))
	if !ok || reason == "" || len([]rune(reason)) > 200 {
		return again(http.StatusUnprocessableEntity, ui.Form{
			Values: map[string]string{"reason": v.form("reason")}, Wrong: []ui.Wrong{{Field: "reason", Text: locale.CertificateNeeds}},
		})
	}
	if form := v.form("bundle"); form != "" {
		id, err := v.requestBundle(v.r.PathValue("number"), reason, form == "evidence")
		if err != nil {
			return err
		}
		v.redirect("/certificates/" + id + "?of=" + list)
		return nil
	}
	answer, err := v.relay.certificates.RequestCertificate(v.as(), &certificatev1.RequestCertificateRequest{
		EdocNum: v.r.PathValue("number"), Reason: reason, RequestId: v.form("request_id"),
	})
	if err != nil {
		return err
	}
	v.redirect("/certificates/" + answer.GetCertificate().GetId() + "?of=" + list)
	return nil
}

func (v *visit) showCertificate() error {
	answer, err := v.relay.certificates.GetCertificate(v.as(), &certificatev1.GetCertificateRequest{Id: v.r.PathValue("id")})
	if err != nil {
		return err
	}
	view := v.certificate(answer.GetCertificate())
	if err := v.bundled(&view); err != nil {
		return err
	}
	list := v.r.URL.Query().Get("of")
	if !slices.Contains([]string{"inbox", "sent"}, list) {
		list = "inbox"
	}
	view.Back = "/" + list + "/" + view.Document
	title := locale.CertificateTitle
	if view.Bundle {
		title = locale.BundleTitle
	}
	return v.show(http.StatusOK, ui.Certificate(v.frame(title), view))
}

func (v *visit) downloadCertificate() error {
	file, err := v.relay.certificates.DownloadCertificate(v.as(), &certificatev1.DownloadCertificateRequest{Id: v.r.PathValue("id")})
	if err != nil {
		return err
	}
	return v.file("certificate-"+v.r.PathValue("id")+".pdf", pdf, file.GetData())
}

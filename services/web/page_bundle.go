package web

import (
	"context"

	"github.com/naru-relay/naru/pkg/fault"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// requestBundle asks for a bundle; its request is that of the distribution certificate in it.
func (v *visit) requestBundle(number, reason string, evidence bool) (string, error) {
	request := &certificatev1.RequestBundleRequest{EdocNum: number, Reason: reason, RequestId: v.form("request_id"), Form: certificatev1.BundleForm_BUNDLE_FORM_SUBMISSION}
	if evidence {
		request.Form = certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE
	}
	answer, err := v.relay.bundles.RequestBundle(v.as(), request)
	return answer.GetBundle().GetId(), err
}

// bundled adds what is known of a bundle to the page of the certificate that goes into it; most certificates go into none.
func (v *visit) bundled(view *ui.CertificateView) error {
	answer, err := v.relay.bundles.GetBundle(v.as(), &certificatev1.GetBundleRequest{Id: view.ID})
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	b := answer.GetBundle()
	view.Bundle = true
	view.State, view.Waiting, view.Problem = locale.CertificateWaiting, false, v.problem(b.GetReason())
	switch b.GetState() {
	case certificatev1.BundleState_BUNDLE_STATE_ISSUED:
		view.State, view.BundleIssued = locale.CertificateIssued, true
	case certificatev1.BundleState_BUNDLE_STATE_FAILED:
		view.State = locale.CertificateFailed
	case certificatev1.BundleState_BUNDLE_STATE_REQUESTED, certificatev1.BundleState_BUNDLE_STATE_UNSPECIFIED:
		view.Waiting = true
	}
	return nil
}

// downloadBundle hands a bundle out while it is written.
func (v *visit) downloadBundle() error {
	ctx, cancel := context.WithTimeout(v.as(), fileTime)
	defer cancel()
	stream, err := v.relay.bundles.DownloadBundle(ctx, &certificatev1.DownloadBundleRequest{Id: v.r.PathValue("id")})
	if err != nil {
		return err
	}
	return handOut(v, stream.Recv, (*platformv1.ContentHeader).GetMediaType)
}

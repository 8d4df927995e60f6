package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	pdf = "application/pdf"
	// plain is what is sent of a file whose type a browser could run.
	plain = "application/octet-stream"
)

// view uses up a viewing token. A document that this relay shows is shown by the answer; to that of a sender's viewing system the
// answer has a link, because a form may lead nowhere else (form-action), and so that nobody leaves unawares. The token is in no
// URL of ours.
func (v *visit) view() error {
	number := v.r.PathValue("number")
	issued, err := v.relay.tokens.IssueViewingToken(v.as(), &viewingv1.IssueViewingTokenRequest{EdocNum: number})
	if err != nil {
		return err
	}
	if issued.GetUrl() != "" {
		return v.leave(issued)
	}
	opened, err := v.relay.viewings.OpenDocument(v.as(), &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: requestID()})
	if err != nil {
		return err
	}
	view := ui.ViewerView{Viewing: opened.GetViewing(), Number: number, Until: timeOf(opened.GetExpiresAt())}
	for _, p := range opened.GetParts() {
		view.Parts = append(view.Parts, ui.PartView{Part: p.GetPart(), Name: p.GetFileName(), Type: p.GetMediaType(), Size: p.GetSize()})
		view.Shows = view.Shows || p.GetPart() == 0 && p.GetMediaType() == pdf
	}
	frame := v.frame(locale.ViewerTitle)
	frame.Viewer = view.Shows
	return v.show(http.StatusOK, ui.Viewer(frame, view))
}

func (v *visit) leave(issued *viewingv1.IssueViewingTokenResponse) error {
	to, err := url.Parse(issued.GetUrl())
	if err != nil || to.Scheme != "https" {
		return fault.New(fault.Internal, domain, nil, "a viewing system's address is none")
	}
	return v.show(http.StatusOK, ui.Leave(v.frame(locale.LeaveTitle), ui.LeaveView{URL: issued.GetUrl(), Host: to.Host, Until: timeOf(issued.GetExpiresAt())}))
}

// readPart streams a file for the page that shows it.
func (v *visit) readPart() error { return v.stream(false) }

// downloadPart hands a file to the reader, who has asked for it: that is reading it.
func (v *visit) downloadPart() error { return v.stream(true) }

func (v *visit) stream(download bool) error {
	part, err := strconv.ParseInt(v.r.PathValue("part"), 10, 32)
	if err != nil {
		return noSuchPage()
	}
	ctx, cancel := context.WithTimeout(v.as(), fileTime)
	defer cancel()
	stream, err := v.relay.viewings.ReadPart(ctx, &viewingv1.ReadPartRequest{Viewing: v.r.PathValue("viewing"), Part: int32(part), Download: download})
	if err != nil {
		return err
	}
	return handOut(v, stream.Recv, func(header *platformv1.ContentHeader) string {
		if header.GetMediaType() == pdf {
			return pdf
		}
		return plain
	})
}

// brokenOff ends an answer that cannot be ended rightly. It is shorter than its Content-Length, so nobody takes its beginning for
// the whole.
func (v *visit) brokenOff(err error) error {
	v.log.LogAttrs(v.r.Context(), slog.LevelInfo, "a file was not fully sent", slog.Any("error", err))
	return nil
}

// file hands a file over that is small enough to be held.
func (v *visit) file(name, kind string, content []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Content-Disposition", gateway.Disposition(name, true))
	if _, err := v.w.Write(content); err != nil {
		return v.brokenOff(err)
	}
	return nil
}

// longAnswer gives an answer the time that a file may take.
func (v *visit) longAnswer() error {
	if err := http.NewResponseController(v.w).SetWriteDeadline(v.clock.Now().Add(fileTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("give a file its time: %w", err)
	}
	return nil
}

// confirmShown tells the relay that the first page stands on the screen.
func (v *visit) confirmShown() error {
	if _, err := v.relay.viewings.ConfirmShown(v.as(), &viewingv1.ConfirmShownRequest{Viewing: v.r.PathValue("viewing")}); err != nil {
		return err
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

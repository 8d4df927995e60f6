package web

import (
	"net/http"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// noticePath is the address to which notices lead, with number and code in the fragment, which no browser sends.
const noticePath = "/notice"

func (v *visit) showNotice() error { return v.noticeForm(http.StatusOK, ui.NoticeView{}) }

func (v *visit) noticeForm(status int, view ui.NoticeView) error {
	return v.show(status, ui.NoticeForm(v.frame(locale.NoticeTitle), view))
}

// confirmNotice confirms a notice that this relay has given, and warns of every other.
func (v *visit) confirmNotice() error {
	number, code := v.form("number"), v.form("code")
	entered := ui.Form{Values: map[string]string{"number": number, "code": code}}
	if number == "" {
		entered.Wrong = append(entered.Wrong, ui.Wrong{Field: "number", Text: locale.NoticeNeedsNumber})
	}
	if code == "" {
		entered.Wrong = append(entered.Wrong, ui.Wrong{Field: "code", Text: locale.NoticeNeedsCode})
	}
	if len(entered.Wrong) > 0 {
		return v.noticeForm(http.StatusUnprocessableEntity, ui.NoticeView{Form: entered})
	}
	if _, err := id.ParseEdocNumber(number); err != nil || !codeLike(code) {
		return v.noticeForm(http.StatusNotFound, ui.NoticeView{Form: entered, Unknown: true})
	}
	found, err := v.relay.notices.ConfirmNotice(v.r.Context(), &deliveryv1.ConfirmNoticeRequest{EdocNum: number, Code: code})
	if fault.ReasonOf(err) == fault.NameOf(deliveryv1.Reason_REASON_NOTICE_NOT_FOUND) {
		return v.noticeForm(http.StatusNotFound, ui.NoticeView{Form: entered, Unknown: true})
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, ui.Notice(v.frame(locale.NoticeTitle), ui.NoticedView{Number: number, Sender: found.GetSender(), ReceivedAt: timeOf(found.GetReceivedAt())}))
}

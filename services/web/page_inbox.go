package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// inboxPage is how many documents a page of the inbox shows.
	inboxPage = 20
	// searchPage is how many are searched for a title, from the same place on: the largest page there is.
	searchPage = 100
)

// timeOf is a moment; zero for one that is absent.
func timeOf(at *timestamppb.Timestamp) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.AsTime()
}

func (v *visit) showInbox() error {
	query := v.r.URL.Query()
	return v.inbox(ui.InboxView{UnreadOnly: query.Get("unread") == "1", PageToken: query.Get("page")}, inboxPage)
}

// searchInbox looks for a title. It comes in the body of a form: what somebody looks for stands in no URL and no log.
func (v *visit) searchInbox() error {
	return v.inbox(ui.InboxView{
		UnreadOnly: v.form("unread") == "1", PageToken: v.form("page"), Search: v.form("search"), Searched: v.form("search") != "",
	}, searchPage)
}

func (v *visit) inbox(view ui.InboxView, size int32) error {
	answer, err := v.relay.inbox.ListInbox(v.as(), &deliveryv1.ListInboxRequest{PageSize: size, PageToken: view.PageToken, UnreadOnly: view.UnreadOnly})
	if err != nil {
		return err
	}
	for _, item := range answer.GetItems() {
		if !view.Searched || strings.Contains(strings.ToLower(item.GetTitle()), strings.ToLower(view.Search)) {
			view.Items = append(view.Items, v.item(item))
		}
	}
	if next := answer.GetNextPageToken(); next != "" {
		query := url.Values{"page": {next}}
		if view.UnreadOnly {
			query.Set("unread", "1")
		}
		view.Next = "/inbox?" + query.Encode()
	}
	return v.show(http.StatusOK, ui.Inbox(v.frame(locale.InboxTitle), view))
}

func (v *visit) item(i *deliveryv1.InboxItem) ui.ItemView {
	deadline := timeOf(i.GetViewingDeadline())
	return ui.ItemView{
		Number: i.GetEdocNum(), Title: i.GetTitle(), Sender: i.GetSenderAddress(), Platform: i.GetSenderPlatform(), Category: category(i.GetCategory()),
		ReceivedAt: timeOf(i.GetReceivedAt()), Deadline: deadline, ReadAt: timeOf(i.GetReadAt()), Unreadable: i.GetUnreadable(),
		Hash: i.GetDocumentHash().GetValue(), Attachments: i.GetAttachments(), Here: i.GetViewingMode() == platformv1.ViewingMode_VIEWING_MODE_RELAY,
		Over: !deadline.IsZero() && v.clock.Now().After(deadline),
	}
}

func category(c platformv1.DocumentCategory) locale.Text {
	for _, known := range categories() {
		if known.value == c {
			return known.text
		}
	}
	return locale.StateUnknown
}

type categoryText struct {
	value platformv1.DocumentCategory
	text  locale.Text
}

// categories are the kinds of documents in the order in which a form lists them.
func categories() []categoryText {
	return []categoryText{
		{platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE, locale.CategoryNotice},
		{platformv1.DocumentCategory_DOCUMENT_CATEGORY_BILL, locale.CategoryBill},
		{platformv1.DocumentCategory_DOCUMENT_CATEGORY_CONTRACT, locale.CategoryContract},
		{platformv1.DocumentCategory_DOCUMENT_CATEGORY_REPORT, locale.CategoryReport},
		{platformv1.DocumentCategory_DOCUMENT_CATEGORY_CERTIFICATE, locale.CategoryCertificate},
	}
}

func (v *visit) showDocument() error { return v.document(http.StatusOK, ui.Form{}) }

func (v *visit) document(status int, form ui.Form) error {
	number := v.r.PathValue("number")
	answer, err := v.relay.inbox.GetInboxItem(v.as(), &deliveryv1.GetInboxItemRequest{EdocNum: number})
	if err != nil {
		return err
	}
	certificates, err := v.certificates(number, "/inbox/"+number+"/certificates", form)
	if err != nil {
		return err
	}
	return v.show(status, ui.Document(v.frame(locale.DocumentTitle), ui.DocumentView{
		Item: v.item(answer.GetItem()), Certificates: certificates, ViewingLog: v.viewingLogAction(number),
	}))
}

// requestID names a request that a form makes, so that sending the form twice makes one.
func requestID() string { return uuid.NewString() }

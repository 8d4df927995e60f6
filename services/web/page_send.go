package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/text"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// window is how long a list of sent documents looks back: the longest that status lists.
const window = 31 * 24 * time.Hour

var (
	phoneForm    = regexp.MustCompile(`^0[0-9]{9,10}$`)
	platformForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,25}$`)
)

func (v *visit) showSend() error {
	ids := v.contents()
	if len(ids) == 0 {
		return v.uploadForm(http.StatusOK, ui.Form{})
	}
	return v.sendForm(http.StatusOK, ui.Form{Values: map[string]string{"to": "person"}}, ids, ownKey())
}

// ownKey names a sending that a form makes, so that sending the form twice sends one document.
func ownKey() string { return "web-" + requestID() }

func (v *visit) sendForm(status int, form ui.Form, ids []string, key string) error {
	found, refused, err := v.uploadsNamed(ids)
	if err != nil {
		return err
	}
	if refused != nil {
		return v.refused(refused)
	}
	view := ui.SendView{Form: form, OwnKey: key, Contents: ids, Done: doneText(v.r.URL.Query().Get("done"))}
	for _, u := range found {
		view.Files = append(view.Files, ui.FileView{
			ID: u.GetId(), Name: u.GetFileName(), Size: u.GetSize(), Checking: u.GetState() != contentv1.UploadState_UPLOAD_STATE_READY,
		})
	}
	for _, c := range categories() {
		view.Kinds = append(view.Kinds, ui.Option{Value: strconv.Itoa(int(c.value)), Text: c.text})
	}
	return v.show(status, ui.Send(v.frame(locale.SendTitle), view))
}

// send sends what was uploaded.
func (v *visit) send() error {
	ids := v.r.PostForm["content"]
	if len(ids) == 0 || len(ids) > maxContents {
		return invalidForm("content names no uploads, or too many")
	}
	item, wrong := sendItem(v.form, ids)
	entered := ui.Form{Wrong: wrong, Values: map[string]string{}}
	for _, field := range []string{"title", "category", "to", "name", "birth", "phone", "platform", "address", "number"} {
		entered.Values[field] = v.form(field)
	}
	if len(wrong) > 0 {
		return v.sendForm(http.StatusUnprocessableEntity, entered, ids, v.form("own_key"))
	}
	answer, err := v.relay.intake.Send(v.as(), &intakev1.SendRequest{Item: item})
	if found := fault.As(err); err != nil && len(found.Violations) > 0 {
		entered.Wrong = violations(found.Violations)
		return v.sendForm(http.StatusUnprocessableEntity, entered, ids, v.form("own_key"))
	}
	if err != nil {
		return err
	}
	v.redirect("/sent/" + answer.GetAcceptance().GetEdocNum() + "?done=sent")
	return nil
}

// sendItem reads what was entered, in a form or in a row of a sheet, about a document and its attachments.
func sendItem(entered func(field string) string, ids []string) (*intakev1.SendItem, []ui.Wrong) {
	title, titled := text.Line(entered("title"))
	kind, err := strconv.ParseInt(entered("category"), 10, 32)
	item := &intakev1.SendItem{
		OwnKey: entered("own_key"), Title: title, DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory(kind),
		Content: ids[0], AttachmentContents: ids[1:],
	}
	var wrong []ui.Wrong
	add := func(bad bool, field string, about locale.Text) {
		if bad {
			wrong = append(wrong, ui.Wrong{Field: field, Text: about})
		}
	}
	add(!titled || title == "" || len([]rune(title)) > 100, "title", locale.NeedsTitle)
	add(err != nil || platformv1.DocumentCategory_name[int32(kind)] == "" || kind == 0, "category", locale.NeedsCategory)
	switch entered("to") {
	case "person":
		name, birth, phone, bad := person(entered)
		wrong = append(wrong, bad...)
		item.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: name, BirthDate: birth, Phone: phone}}
	case "address":
		address, ok := text.Word(entered("address"))
		add(!platformForm.MatchString(entered("platform")), "platform", locale.NeedsPlatform)
		add(!ok || address == "" || len([]rune(address)) > 100, "address", locale.NeedsAddress)
		item.Recipient = &platformv1.RecipientIdentifier{PlatformAddress: &platformv1.PlatformAddress{PlatformId: entered("platform"), Address: address}}
	case "number":
		number, ok := text.BusinessNumber(entered("number"))
		add(!ok, "number", locale.NeedsNumber)
		item.Recipient = &platformv1.RecipientIdentifier{BusinessNumber: &number}
	default:
		add(true, "to-person", locale.NeedsTo)
	}
	return item, wrong
}

// fieldColumns are the fields of an item, by the ends of their paths, as forms and sheets name them.
func fieldColumns() map[string]string {
	return map[string]string{
		"title": "title", "category": "category", "person.name": "name", "person.birthDate": "birth", "person.phone": "phone",
		"platformAddress.platformId": "platform", "platformAddress.address": "address", "businessNumber": "number",
	}
}

// violations are those of the request, each at its field of the form.
func violations(broken []fault.Violation) []ui.Wrong {
	var wrong []ui.Wrong
	for _, b := range broken {
		at := ui.Wrong{Field: "to-person", Text: locale.NeedsValue}
		for suffix, field := range fieldColumns() {
			if strings.HasSuffix(b.Field, suffix) {
				at.Field = field
			}
		}
		if !slices.Contains(wrong, at) {
			wrong = append(wrong, at)
		}
	}
	return wrong
}

// showSent lists what was sent in the 31 days up to a day, or in a batch.
func (v *visit) showSent() error {
	query := v.r.URL.Query()
	until := v.clock.Now()
	if day, given := locale.DayOf(query.Get("until")); given {
		until = day.Add(24 * time.Hour)
	}
	request := &statusv1.ListStatusesRequest{PageSize: 50, PageToken: query.Get("page"), NewestFirst: true, Batch: query.Get("batch")}
	view := ui.SentListView{Until: locale.Day(until.Add(-time.Microsecond)), Batch: request.GetBatch()}
	following := url.Values{}
	if view.Batch == "" {
		request.AcceptedFrom, request.AcceptedUntil = timestamppb.New(until.Add(-window)), timestamppb.New(until)
		following.Set("until", view.Until)
	} else {
		following.Set("batch", view.Batch)
	}
	if state, known := statusv1.DocumentState_value[query.Get("state")]; known && state != 0 {
		request.States = []statusv1.DocumentState{statusv1.DocumentState(state)}
		view.State, _ = locale.SentState(query.Get("state"))
		view.Filtered = true
		following.Set("state", query.Get("state"))
	}
	answer, err := v.relay.status.ListStatuses(v.as(), request)
	if err != nil {
		return err
	}
	for _, d := range answer.GetStatuses() {
		view.Items = append(view.Items, sentView(d))
	}
	if next := answer.GetNextPageToken(); next != "" {
		following.Set("page", next)
		view.Next = "/sent?" + following.Encode()
	}
	return v.show(http.StatusOK, ui.SentList(v.frame(locale.SentTitle), view))
}

func sentView(d *statusv1.DocumentStatus) ui.SentView {
	state, _ := locale.SentState(d.GetState().String())
	return ui.SentView{Number: d.GetEdocNum(), OwnKey: d.GetOwnKey(), Batch: d.GetBatch(), State: state, AcceptedAt: timeOf(d.GetAcceptedAt())}
}

// cancellable are the states in which a document has not been received and may be.
func cancellable(state statusv1.DocumentState) bool {
	return slices.Contains([]statusv1.DocumentState{
		statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED, statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP,
		statusv1.DocumentState_DOCUMENT_STATE_AWAITING_CONSENT, statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY,
		statusv1.DocumentState_DOCUMENT_STATE_UNREACHABLE, statusv1.DocumentState_DOCUMENT_STATE_DEPOSITING, statusv1.DocumentState_DOCUMENT_STATE_SENT,
	}, state)
}

func (v *visit) showSentDocument() error { return v.sentDocument(http.StatusOK, ui.Form{}) }

func (v *visit) sentDocument(status int, form ui.Form) error {
	number := v.r.PathValue("number")
	found, err := v.relay.status.GetStatus(v.as(), &statusv1.GetStatusRequest{EdocNum: number})
	if err != nil {
		return err
	}
	timeline, err := v.relay.status.GetTimeline(v.as(), &statusv1.GetTimelineRequest{EdocNum: number})
	if err != nil {
		return err
	}
	certificates, err := v.certificates(number, "/sent/"+number+"/certificates", form)
	if err != nil {
		return err
	}
	d := found.GetStatus()
	view := ui.SentDocumentView{
		SentView: sentView(d), SentAt: timeOf(d.GetSentAt()), ReceivedAt: timeOf(d.GetReceivedAt()), ReadAt: timeOf(d.GetReadAt()), To: d.GetRecipientAddress(),
		HubAt: timeOf(d.GetHub().GetRegisteredAt()), SendDeadline: timeOf(d.GetSendDeadline()), Problem: v.problem(d.GetReason()), Certificates: certificates,
		Cancellable: cancellable(d.GetState()) && v.session.may(ui.ScopeSend), Done: doneText(v.r.URL.Query().Get("done")),
	}
	if view.By, err = v.sentBy(d.GetActor()); err != nil {
		return err
	}
	// A certificate is about a document that was received.
	view.Certificates.Hidden = view.Certificates.Hidden || view.ReceivedAt.IsZero()
	if !view.ReceivedAt.IsZero() {
		view.ViewingLog = "/sent/" + number + "/viewing-log"
	}
	for _, step := range timeline.GetEntries() {
		what, _ := locale.SentStep(step.GetKind())
		view.Steps = append(view.Steps, ui.StepView{At: timeOf(step.GetOccurredAt()), What: what, Problem: v.problem(step.GetDetails()["reason"])})
	}
	return v.show(status, ui.SentDocument(v.frame(locale.SentDocument), view))
}

// sentBy names the person who sent for the organisation, to its representatives; to others nobody.
func (v *visit) sentBy(person string) (string, error) {
	if person == "" || !represents(v.session) {
		return "", nil
	}
	names, err := v.names()
	return names[person], err
}

func (v *visit) cancel() error {
	number := v.r.PathValue("number")
	if _, err := v.relay.intake.Cancel(v.as(), &intakev1.CancelRequest{EdocNum: number}); err != nil {
		return err
	}
	v.redirect("/sent/" + number + "?done=cancel")
	return nil
}

package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sheet"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	manyPath = "/send/many"
	// manyPage is how many rows, or problems, stand on a page.
	manyPage = 100
)

// showMany lists the drafts of the person.
func (v *visit) showMany() error {
	if err := v.maySend(); err != nil {
		return err
	}
	rows, err := listDrafts(v.r.Context(), v.drafts.db, v.session.Person, v.session.Organisation, v.clock.Now())
	if err != nil {
		return err
	}
	view := ui.ManyView{Done: doneText(v.r.URL.Query().Get("done"))}
	for _, r := range rows {
		view.Drafts = append(view.Drafts, ui.DraftLine{Path: manyPath + "/" + r.ID.String(), Rows: r.Rows, Sent: r.Sent, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt})
	}
	return v.show(http.StatusOK, ui.Many(v.frame(locale.ManyTitle), view))
}

func (v *visit) beginMany() error {
	if err := v.maySend(); err != nil {
		return err
	}
	v.belongsTo(manyPath, locale.ManyTitle, ui.ScopeSend)
	made, err := v.drafts.begin(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	v.redirect(manyPath + "/" + made.String())
	return nil
}

// template is a sheet of the columns' names, in the reader's language.
func (v *visit) template() error {
	var header []string
	for _, c := range sheetColumns() {
		header = append(header, v.say.Say(c.header))
	}
	var made bytes.Buffer
	switch v.r.PathValue("kind") {
	case "xlsx":
		if err := sheet.WriteXLSX(&made, [][]string{header}); err != nil {
			return err
		}
		return v.file("naru.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", made.Bytes())
	case "csv":
		if err := sheet.WriteCSV(&made, [][]string{header}); err != nil {
			return err
		}
		return v.file("naru.csv", csvType, made.Bytes())
	default:
		return noSuchPage()
	}
}

const csvType = "text/csv; charset=utf-8"

// maySend refuses who may not send for the organisation any more: what it prepared is not for it to see, either.
func (v *visit) maySend() error {
	if !v.session.may(ui.ScopeSend) {
		return fault.New(fault.Denied, domain, authn.ReasonScopeMissing, "the person may not send for the organisation")
	}
	return nil
}

// draft is that of the address. Whatever goes wrong with it leads back to the list.
func (v *visit) draft() (*draft, error) {
	if err := v.maySend(); err != nil {
		return nil, err
	}
	v.belongsTo(manyPath, locale.ManyTitle, ui.ScopeSend)
	return v.drafts.find(v.r.Context(), v.r.PathValue("draft"), v.session)
}

// changeDraft changes that of the address, as long as it is not sent.
func (v *visit) changeDraft(fn func(*draft) error) error {
	_, err := v.drafts.change(v.r.Context(), v.r.PathValue("draft"), v.session, func(d *draft) error {
		if d.BegunAt != nil {
			return draftBegun()
		}
		return fn(d)
	})
	return err
}

func (v *visit) showDraft() error {
	d, err := v.draft()
	if err != nil {
		return err
	}
	return v.draftPage(http.StatusOK, d, ui.Form{}, "")
}

// draftPage shows all of a draft: what was prepared and is wrong with it, or how far it is sent. trouble is why sending stopped.
func (v *visit) draftPage(status int, d *draft, form ui.Form, trouble string) error {
	if err := v.checkAgain(d); err != nil {
		return err
	}
	view := ui.DraftView{
		Form: form, Path: manyPath + "/" + d.ID.String(), Batch: d.Batch, ExpiresAt: d.ExpiresAt, Begun: d.BegunAt != nil, Whole: d.whole(),
		Rows: d.Rows, Sent: d.Sent, Trouble: trouble, Given: d.given != nil, Done: doneText(v.r.URL.Query().Get("done")),
	}
	for _, f := range d.files {
		shown := ui.FileView{ID: f.ID, Name: f.Name, Size: f.Size, Checking: f.Checking}
		for _, reason := range f.Refused {
			problem, _ := locale.ProblemOf(reason)
			shown.Refused = append(shown.Refused, problem.What)
		}
		view.Files = append(view.Files, shown)
	}
	for _, c := range sheetColumns() {
		view.Columns = append(view.Columns, ui.ColumnView{Name: c.header, About: aboutColumn(c.key)})
	}
	if limits, err := v.relay.uploads.GetUploadLimits(v.r.Context(), &contentv1.GetUploadLimitsRequest{}); err == nil {
		view.Limit = limits.GetFileBytes()
	}
	if view.Begun {
		first, last := v.part(&view, len(d.refused), "")
		for _, r := range d.refused[first:last] {
			view.Refused = append(view.Refused, v.refusedView(r))
		}
		view.RefusedCount = len(d.refused)
		return v.show(status, ui.Draft(v.frame(locale.ManyTitle), view))
	}
	p := d.plan()
	view.Wrong = len(p.wrong)
	view.ShowsWrong = view.Wrong > 0 && v.r.URL.Query().Get("view") != "rows"
	if view.ShowsWrong {
		first, last := v.part(&view, len(p.wrong), "")
		for _, w := range p.wrong[first:last] {
			view.Problems = append(view.Problems, ui.ProblemView{Row: w.row, Cell: w.cell, Column: headerOf(w.column), Text: w.text})
		}
	} else {
		first, last := v.part(&view, len(p.rows), "rows")
		for _, r := range p.rows[first:last] {
			view.Shown = append(view.Shown, rowView(r))
		}
	}
	return v.show(status, ui.Draft(v.frame(locale.ManyTitle), view))
}

// part chooses the part of so many lines that the address asks for, and says where the others are.
func (v *visit) part(view *ui.DraftView, count int, name string) (first, last int) {
	pages := max(1, (count+manyPage-1)/manyPage)
	page := pageOf(v.r.URL.Query().Get("page"), pages)
	first, last = (page-1)*manyPage, min(page*manyPage, count)
	at := func(page int) string {
		query := url.Values{"page": {strconv.Itoa(page)}}
		if name != "" {
			query.Set("view", name)
		}
		return view.Path + "?" + query.Encode() + "#shown"
	}
	if pages > 1 {
		view.Part = locale.ManyPart(first+1, last, count)
	}
	if page > 1 {
		view.Before = at(page - 1)
	}
	if page < pages {
		view.After = at(page + 1)
	}
	return first, last
}

func headerOf(key string) locale.Text {
	for _, c := range sheetColumns() {
		if c.key == key {
			return c.header
		}
	}
	return locale.Text{}
}

func aboutColumn(key string) locale.Text {
	ko, en := kindNames()
	return map[string]locale.Text{
		columnKey: locale.ManyAboutKey, columnTitle: locale.ManyAboutTitle, columnKind: locale.ManyKind(ko, en), columnFile: locale.ManyAboutFile,
		columnAttachments: locale.ManyAboutAttachments, columnName: locale.ManyAboutPerson, columnBirth: locale.PersonBirthTip, columnPhone: locale.PersonPhoneTip,
		columnNumber: locale.ManyAboutNumber, columnPlatform: locale.ManyAboutAddress, columnAddress: locale.ManyAboutAddress,
	}[key]
}

// rowView is a row as it would be sent, without the middle of the phone number.
func rowView(r plannedRow) ui.RowView {
	to := r.Values[columnNumber]
	if person := r.item.GetRecipient().GetPerson(); person != nil {
		to = person.GetName() + " " + person.GetBirthDate() + " " + hiddenPhone(person.GetPhone())
	} else if at := r.item.GetRecipient().GetPlatformAddress(); at != nil {
		to = at.GetAddress() + " (" + at.GetPlatformId() + ")"
	}
	return ui.RowView{
		Row: r.Number, OwnKey: r.key, Title: r.item.GetTitle(), Kind: r.Values[columnKind], To: to,
		Files: strings.Join(append([]string{r.file}, r.attachments...), ", "),
	}
}

// discard deletes a draft, and its files where none can belong to a document yet.
func (v *visit) discard() error {
	d, err := v.draft()
	if err != nil {
		return err
	}
	if err := deleteDraft(v.r.Context(), v.drafts.db, d.ID); err != nil {
		return err
	}
	if d.BegunAt == nil {
		v.deleteFiles(d.files)
	}
	v.redirect(manyPath + "?done=discarded")
	return nil
}

// deleteFiles deletes what nobody sends. What stays is deleted by content when its time is over.
func (v *visit) deleteFiles(files []draftFile) {
	for _, f := range files {
		if _, err := v.relay.uploads.DeleteUpload(v.as(), &contentv1.DeleteUploadRequest{Id: f.ID}); err != nil {
			v.log.LogAttrs(v.r.Context(), slog.LevelInfo, "a file of a discarded draft was not deleted", slog.Any("error", err))
			return
		}
	}
}

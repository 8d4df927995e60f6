package web

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sheet"
	"github.com/naru-relay/naru/pkg/text"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// sendTime is how long one request goes on handing rows over; the person sends the rest with the next.
	sendTime = 40 * time.Second
	// callTime bounds one call, which may hold a thousand documents.
	callTime = 30 * time.Second
)

// sendMany hands the rows to intake, as many at a time as it takes. The draft keeps how far it is after each call. A call whose
// answer is lost is made again with the same own keys, so no row becomes two documents, whoever asks how often.
func (v *visit) sendMany() error {
	d, err := v.draft()
	if err != nil {
		return err
	}
	p := d.plan()
	if d.BegunAt == nil {
		if d.given == nil || len(p.wrong) > 0 {
			return v.draftPage(http.StatusUnprocessableEntity, d, ui.Form{}, "")
		}
		if err := v.beginSending(d); err != nil {
			return err
		}
	}
	limits, err := v.relay.intake.GetLimits(v.as(), &intakev1.GetLimitsRequest{})
	if err != nil {
		return v.stopped(d, err)
	}
	until := v.clock.Now().Add(sendTime)
	for !d.whole() && v.clock.Now().Before(until) {
		rows := p.rows[d.Sent:min(d.Sent+int(limits.GetBatchItems()), len(p.rows))]
		if err := v.hand(d, rows); err != nil {
			return v.stopped(d, err)
		}
		saved, err := v.drafts.save(v.r.Context(), d)
		if err != nil {
			return err
		}
		if !saved { // sent from another window at the same time: go on from where that is
			if d, err = v.draft(); err != nil {
				return err
			}
		}
	}
	v.redirect(v.draftPath())
	return nil
}

// beginSending fixes what is sent.
func (v *visit) beginSending(d *draft) error {
	now := v.clock.Now()
	d.BegunAt = &now
	saved, err := v.drafts.save(v.r.Context(), d)
	if err == nil && !saved {
		return draftBusy() // perhaps another sheet was given: the person looks again
	}
	return err
}

// hand sends some rows, and notes those that are refused.
func (v *visit) hand(d *draft, rows []plannedRow) error {
	ctx, cancel := context.WithTimeout(v.as(), callTime)
	defer cancel()
	request := &intakev1.BatchSendRequest{}
	for _, r := range rows {
		request.Items = append(request.Items, r.item)
	}
	answer, err := v.relay.intake.BatchSend(ctx, request)
	if err != nil {
		return err
	}
	if len(answer.GetOutcomes()) != len(rows) {
		return fault.New(fault.Internal, domain, nil, "not every row has an outcome")
	}
	for i, outcome := range answer.GetOutcomes() {
		refused := outcome.GetRefused()
		if refused == nil {
			continue
		}
		row := refusedRow{Row: rows[i].Number, Reason: refused.GetReason()}
		for _, wrong := range refused.GetViolations() {
			row.Fields = append(row.Fields, wrong.GetField())
		}
		d.refused = append(d.refused, row)
	}
	d.Sent += len(rows)
	return nil
}

// stopped says how far it is and why it does not go on; the draft is there when the person comes back.
func (v *visit) stopped(d *draft, err error) error {
	if tokenEnded(err) {
		return err
	}
	problem, _ := locale.ProblemOf(fault.ReasonOf(err))
	found := fault.As(err)
	return v.draftPage(found.Kind.HTTPStatus(), d, ui.Form{}, v.say.Say(problem.What)+" "+v.say.Say(problem.Do))
}

// refusedView is a refused row with what is the matter.
func (v *visit) refusedView(r refusedRow) ui.RefusedView {
	problem, _ := locale.ProblemOf(r.Reason)
	view := ui.RefusedView{Row: r.Row, What: problem.What, Do: problem.Do, Reason: r.Reason}
	for _, field := range fieldsOf(r.Fields) {
		view.Columns = append(view.Columns, headerOf(field))
	}
	return view
}

// fieldsOf are the columns of an item's fields, each once.
func fieldsOf(paths []string) (columns []string) {
	for _, path := range paths {
		for suffix, column := range fieldColumns() {
			if strings.HasSuffix(path, suffix) && !slices.Contains(columns, column) {
				columns = append(columns, column)
			}
		}
	}
	slices.Sort(columns)
	return columns
}

// refusedSheet hands over the refused rows as they were given, with the reason of each.
func (v *visit) refusedSheet() error {
	d, err := v.draft()
	if err != nil {
		return err
	}
	if d.given == nil {
		return noSuchPage()
	}
	header := []string{v.say.Say(locale.ManyRow), v.say.Say(locale.Reason)}
	columns := slices.DeleteFunc(slices.Clone(d.given.Table.Columns), func(key string) bool { return key == columnRow || key == columnReason })
	for _, key := range columns {
		header = append(header, v.say.Say(headerOf(key)))
	}
	rows := [][]string{header}
	given := map[int]sheet.Row{}
	for _, r := range d.given.Table.Rows {
		given[r.Number] = r
	}
	for _, refused := range d.refused {
		problem, _ := locale.ProblemOf(refused.Reason)
		row := []string{strconv.Itoa(refused.Row), v.say.Say(problem.What) + " (" + refused.Reason + ")"}
		for _, key := range columns {
			value := given[refused.Row].Values[key]
			if key == columnPhone {
				value = text.Phone(value) // digits alone are read again as they are
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	var made bytes.Buffer
	if err := sheet.WriteCSV(&made, rows); err != nil {
		return err
	}
	return v.file("refused.csv", csvType, made.Bytes())
}

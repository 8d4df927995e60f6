package cli

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/naru-relay/naru/services/client/relay"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

type statusCommand struct {
	Numbers []string `arg:"" optional:"" name:"number" help:"Document numbers (전자문서번호), up to 100."`
	OwnKey  string   `placeholder:"KEY" help:"Your own key of the document instead."`
}

// Help is shown by naru status --help.
func (statusCommand) Help() string {
	return `Examples:
  naru status --credentials sender.json 20260302_NARU000001_0000000000001
  naru status --credentials sender.json --own-key bill-2026-03-000017 --json

It ends with 1 when a number is not found.`
}

const maxStatusNumbers = 100

// Run prints the documents in the order of the arguments.
func (c *statusCommand) Run(a *app) error {
	switch {
	case (len(c.Numbers) == 0) == (c.OwnKey == ""):
		return usage("give document numbers or --own-key")
	case len(c.Numbers) > maxStatusNumbers:
		return usage("at most %d numbers at a time", maxStatusNumbers)
	}
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	answer := &statusv1.BatchGetStatusResponse{}
	if c.OwnKey != "" {
		var listed *statusv1.ListStatusesResponse
		listed, err = sender.ListStatuses(a.ctx, url.Values{"ownKey": {c.OwnKey}})
		answer.Statuses = listed.GetStatuses()
	} else {
		answer, err = sender.Statuses(a.ctx, c.Numbers...)
	}
	if err != nil {
		return err
	}
	if err := a.show(answer, func() error { return a.statusTable(answer.GetStatuses()) }); err != nil {
		return err
	}
	switch {
	case len(answer.GetNotFound()) > 0:
		return fmt.Errorf("not found: %s", strings.Join(answer.GetNotFound(), ", "))
	case len(answer.GetStatuses()) == 0:
		return fmt.Errorf("not found")
	}
	return nil
}

func (a *app) statusTable(statuses []*statusv1.DocumentStatus) error {
	if len(statuses) == 0 {
		return nil
	}
	return a.table([]string{"NUMBER", "STATE", "ACCEPTED", "SENT", "RECEIVED", "READ", "RECIPIENT", "HUB", "REASON"}, func(row func(...string)) {
		for _, s := range statuses {
			row(s.GetEdocNum(), relay.Word(s.GetState()), relay.Time(s.GetAcceptedAt()), relay.Time(s.GetSentAt()), relay.Time(s.GetReceivedAt()),
				relay.Time(s.GetReadAt()), s.GetRecipientAddress(), hubWord(s.GetHub()), s.GetReason())
		}
	})
}

// hubWord formats the result codes of registration and read time.
func hubWord(h *statusv1.HubStatus) string {
	word := strconv.Itoa(int(h.GetRegistrationResult())) + "/" + strconv.Itoa(int(h.GetReadTimeResult()))
	if h.GetQueued() {
		word += " queued"
	}
	return word
}

type progressCommand struct {
	Batch string `arg:"" help:"The batch, as its documents were sent with (naru send --batch, or batch in the lines of naru batch)."`
}

// Help is shown by naru progress --help.
func (progressCommand) Help() string {
	return `Documents that were accepted a moment ago may not be counted yet.

Example:
  naru progress --credentials sender.json 2026-03`
}

// Run prints the states in which there are documents.
func (c *progressCommand) Run(a *app) error {
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	found, err := sender.BatchProgress(a.ctx, c.Batch)
	if err != nil {
		return err
	}
	return a.show(found, func() error {
		return a.table([]string{"STATE", "DOCUMENTS"}, func(row func(...string)) {
			for _, of := range found.GetCounts() {
				row(relay.Word(of.GetState()), strconv.FormatInt(of.GetDocuments(), 10))
			}
			row("TOTAL", strconv.FormatInt(found.GetTotal(), 10))
		})
	})
}

type timelineCommand struct {
	Number string `arg:"" help:"Document number (전자문서번호)."`
}

// Help is shown by naru timeline --help.
func (timelineCommand) Help() string {
	return `Times are RFC 3339 in UTC with microseconds.

Example:
  naru timeline --credentials sender.json 20260302_NARU000001_0000000000001`
}

// Run prints the entries in order of occurrence.
func (c *timelineCommand) Run(a *app) error {
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	timeline, err := sender.Timeline(a.ctx, c.Number)
	if err != nil {
		return err
	}
	return a.show(timeline, func() error { return a.timelineTable(timeline.GetEntries()) })
}

func (a *app) timelineTable(entries []*statusv1.TimelineEntry) error {
	return a.table([]string{"OCCURRED", "WHAT", "ACTOR", "RECORDED", "ACKNOWLEDGED", "DETAILS"}, func(row func(...string)) {
		for _, e := range entries {
			kind := e.GetKind()[strings.LastIndex(e.GetKind(), ".")+1:]
			var details []string
			for _, name := range slices.Sorted(maps.Keys(e.GetDetails())) {
				details = append(details, name+"="+e.GetDetails()[name])
			}
			row(relay.Time(e.GetOccurredAt()), kind, e.GetActor(), relay.Time(e.GetRecordedAt()), relay.Time(e.GetAcknowledgedAt()), strings.Join(details, " "))
		}
	})
}

// table writes aligned columns; an empty cell is a hyphen.
func (a *app) table(heads []string, rows func(row func(...string))) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, cell := range cells {
			if cell == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) // Flush returns the error
	}
	row(heads...)
	rows(row)
	return w.Flush()
}

package cli

import (
	"cmp"
	"net/url"
	"strconv"
	"time"

	"github.com/naru-relay/naru/services/client/relay"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

type documentsCommand struct {
	From   string   `placeholder:"TIME" help:"Accepted at or after: a time (RFC 3339), or a duration ago such as 24h, which is the default without --batch."`
	Until  string   `placeholder:"TIME" help:"Accepted before: a time, or a duration ago. Default: now. At most 31 days after --from."`
	State  []string `placeholder:"STATE" enum:"${documentStates}" help:"Only documents in this state, repeatable; one of ${enum}."`
	Batch  string   `placeholder:"NAME" help:"Only documents of this batch, whenever they were accepted unless --from or --until is given."`
	Newest bool     `help:"The newest first."`
	Limit  int      `default:"1000" help:"At most so many."`
}

// Help is shown by naru documents --help.
func (documentsCommand) Help() string {
	return `Lists the sender's documents by the time they were accepted, oldest first unless --newest is given. One document is told by naru status. Documents of the
last half minute may still be on their way to the list; --json says up to when it is whole (completeUntil): read on from there.

Examples:
  naru documents --credentials sender.json
  naru documents --credentials sender.json --from 2026-03-01T00:00:00+09:00 --until 2026-03-02T00:00:00+09:00 --state expired --state failed
  naru documents --credentials sender.json --batch 2026-03 --state failed
  naru documents --credentials sender.json --from 72h --limit 100000 --json | jq -r '.statuses[].edocNum'`
}

// maxPage is the relay's.
const maxPage = 1000

// Run lists page by page.
func (c *documentsCommand) Run(a *app) error {
	query, err := c.query(a.clock.Now())
	if err != nil {
		return err
	}
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	all, more := &statusv1.ListStatusesResponse{}, true
	for more && len(all.GetStatuses()) < c.Limit {
		query.Set("pageSize", strconv.Itoa(min(maxPage, c.Limit-len(all.GetStatuses()))))
		page, err := sender.ListStatuses(a.ctx, query)
		if err != nil {
			return err
		}
		if len(all.GetStatuses()) == 0 {
			all.CompleteUntil = page.GetCompleteUntil() // the first page's is the earliest
		}
		all.Statuses = append(all.Statuses, page.GetStatuses()...)
		query.Set("pageToken", page.GetNextPageToken())
		more = page.GetNextPageToken() != ""
		a.progress("%d documents …", len(all.GetStatuses()))
	}
	if err := a.show(all, func() error { return a.statusTable(all.GetStatuses()) }); err != nil {
		return err
	}
	if more {
		a.tell("naru: there are more than %d documents; --limit lists them", c.Limit)
	}
	return nil
}

func (c *documentsCommand) query(now time.Time) (url.Values, error) {
	if c.Limit < 1 {
		return nil, usage("--limit wants a number above zero")
	}
	from, err := past("from", cmp.Or(c.From, "24h"), now)
	if err != nil {
		return nil, err
	}
	until, err := past("until", c.Until, now)
	if err != nil {
		return nil, err
	}
	if !until.After(from) && (c.Batch == "" || c.From != "") {
		return nil, usage("--until must be after --from")
	}
	query := url.Values{}
	if c.Batch != "" {
		query.Set("batch", c.Batch)
	}
	if c.Newest {
		query.Set("newestFirst", "true")
	}
	if c.Batch == "" || c.From != "" {
		query.Set("acceptedFrom", from.UTC().Format(relay.TimeLayout))
	}
	if c.Batch == "" || c.Until != "" {
		query.Set("acceptedUntil", until.UTC().Format(relay.TimeLayout))
	}
	for _, state := range c.State {
		query.Add("states", enumName("DOCUMENT_STATE_", state))
	}
	return query, nil
}

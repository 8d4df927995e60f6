package cli

import (
	"slices"
	"strconv"

	"github.com/naru-relay/naru/services/client/relay"

	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

type queueCommand struct {
	List   queueList   `cmd:"" help:"List the hub calls that wait for a person, the longest waiting first."`
	Retry  queueRetry  `cmd:"" help:"Make queued hub calls again, unchanged."`
	Accept queueAccept `cmd:"" help:"Accept the hub's answer that it has the records already (HUB_RESULT_2)."`
	GiveUp queueGiveUp `cmd:"" help:"Give queued hub calls up for good. It cannot be taken back."`
}

type queueList struct {
	Only []string `placeholder:"REASON" help:"Only what waits for this reason, e.g. HUB_RESULT_3; repeatable."`
}

// Help is shown by naru queue list --help.
func (queueList) Help() string {
	return `The operator's credentials are found as by naru institution add. The runbook CirculationQueue says what each reason means.

Example:
  naru queue list --only HUB_RESULT_2 --json`
}

// Run lists.
func (c *queueList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	records, err := a.queued(operator, c.Only)
	if err != nil {
		return err
	}
	return a.show(&circulationv1.ListQueueResponse{Records: records}, func() error {
		if len(records) == 0 {
			return a.say("nothing waits")
		}
		return a.table([]string{"NUMBER", "CALL", "REASON", "SINCE", "ATTEMPTS"}, func(row func(...string)) {
			for _, r := range records {
				name, call := queuedCall(r)
				row(r.GetEdocNum(), name, call.GetQueueReason(), relay.Time(call.GetQueuedAt()), strconv.Itoa(int(call.GetAttempts())))
			}
		})
	})
}

// queuedCall is the call of a record that waits: a record's read time is not told before its registration is done.
func queuedCall(r *circulationv1.CirculationRecord) (name string, call *circulationv1.HubCall) {
	if r.GetRegistration().GetState() == circulationv1.CallState_CALL_STATE_QUEUED {
		return "registration", r.GetRegistration()
	}
	return "read time", r.GetReadTime()
}

// queued reads the whole queue, or what waits for one of the reasons.
func (a *app) queued(operator *relay.Client, only []string) ([]*circulationv1.CirculationRecord, error) {
	records, err := pages(a.ctx, operator.Queue)
	if err != nil || len(only) == 0 {
		return records, err
	}
	return slices.DeleteFunc(records, func(r *circulationv1.CirculationRecord) bool {
		_, call := queuedCall(r)
		return !slices.Contains(only, call.GetQueueReason())
	}), nil
}

type queueRetry struct {
	Numbers []string `arg:"" optional:"" name:"number" help:"Document numbers (전자문서번호)."`
	All     bool     `help:"All that wait when the command begins."`
	Only    []string `placeholder:"REASON" help:"With --all: only what waits for this reason; repeatable."`
}

// Help is shown by naru queue retry --help.
func (queueRetry) Help() string {
	return `The same bytes go again; times never change. What the relay refuses for one number hinders no other; the command ends with 1 then.
The operator's credentials are found as by naru institution add.

Examples:
  naru queue retry 20260302_NARU000001_0000000000001
  naru queue retry --all --only HUB_RESULT_5 --only HUB_REFUSED:ERR-01-201`
}

// Run orders the retries.
func (c *queueRetry) Run(a *app) error {
	if (len(c.Numbers) > 0) == c.All || (len(c.Only) > 0 && !c.All) {
		return usage("give document numbers, or --all (with --only)")
	}
	if err := checkNumbers(c.Numbers); err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		records, err := a.queued(operator, c.Only)
		if err != nil {
			return err
		}
		for _, r := range records {
			c.Numbers = append(c.Numbers, r.GetEdocNum())
		}
	}
	return a.bulk(c.Numbers, "to be sent again", func(number string) error { return operator.RetryQueued(a.ctx, number) })
}

type queueAccept struct {
	Numbers []string `arg:"" name:"number" help:"Document numbers (전자문서번호), each compared with the hub's record."`
	Reason  string   `required:"" help:"What was compared and with whom, 1-500 characters. Kept sealed."`
}

// Help is shown by naru queue accept --help.
func (queueAccept) Help() string {
	return `For what waits as HUB_RESULT_2, once the hub's operator has read you its record and it is the same: parties, times, hashes. Nothing is
sent for it and no time changes; it counts as registered since the hub said so. Your act and its reason are kept. The operator's
credentials are found as by naru institution add.

Example:
  naru queue accept 20260302_NARU000001_0000000000001 --reason 'compared with the hub by telephone'`
}

// Run accepts.
func (c *queueAccept) Run(a *app) error {
	if err := checkNumbers(c.Numbers); err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	return a.bulk(c.Numbers, "accepted", func(number string) error { return operator.AcceptQueued(a.ctx, number, c.Reason) })
}

type queueGiveUp struct {
	Numbers []string `arg:"" name:"number" help:"Document numbers (전자문서번호)."`
	Reason  string   `required:"" help:"Why the hub will never take them, 1-500 characters. Kept sealed."`
}

// Help is shown by naru queue give-up --help.
func (queueGiveUp) Help() string {
	return `For what the hub will never take, whatever is tried. It is never sent again and leaves the queue; its sender sees that it was given up,
and what the hub had against it. A document whose registration is given up can have no certificate. Your act and its reason are
kept. The operator's credentials are found as by naru institution add.

Example:
  naru queue give-up 20260302_NARU000001_0000000000001 --reason 'the hub keeps another record of the same number'`
}

// Run gives up.
func (c *queueGiveUp) Run(a *app) error {
	if err := checkNumbers(c.Numbers); err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	return a.bulk(c.Numbers, "given up", func(number string) error { return operator.GiveUpQueued(a.ctx, number, c.Reason) })
}

func checkNumbers(numbers []string) error {
	for _, number := range numbers {
		if err := checkNumber(number); err != nil {
			return err
		}
	}
	return nil
}

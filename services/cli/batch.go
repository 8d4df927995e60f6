package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/services/client/poll"
	"github.com/naru-relay/naru/services/client/relay"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

type batchCommand struct {
	File      string `arg:"" type:"existingfile" help:"JSON lines: each line one item as POST /v1/documents takes it, with an ownKey."`
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where the outcomes are written, a JSON line for each item. The file must not exist."`
	Overwrite bool   `help:"Replace the file if it exists."`

	Authorisation string `placeholder:"ID" help:"Of an agent: the sender's authorisation that holds all the items (naru authorisation)."`
}

// Help is shown by naru batch --help.
func (batchCommand) Help() string {
	return `JSON lines, because an item has parts within parts (recipient, viewing, hashes), for which CSV has no form, and because the lines are what
the API takes. Items go to the relay in as few calls as its limits allow (naru limits), in the bulk lane. A bad item hinders no other:
its outcome tells every violation. Receipts are verified. A call that gets no answer is repeated. Repeating the command sends nothing
twice: what was accepted is answered again (duplicate). It ends with 1 when an item was refused; large files need a larger --timeout.

An outcome: {"line", "ownKey", "edocNum", "acceptedAt", "receipt", "duplicate", "warnings"} or {"line", "ownKey", "reason", "message", "violations"}.

Examples:
  naru batch --credentials sender.json bills.jsonl --out outcomes.jsonl --timeout 1h
  jq -c 'select(.reason)' outcomes.jsonl`
}

// batchOutcome is a line of the result.
type batchOutcome struct {
	Line       int              `json:"line"`
	OwnKey     string           `json:"ownKey,omitempty"`
	EdocNum    string           `json:"edocNum,omitempty"`
	AcceptedAt string           `json:"acceptedAt,omitempty"`
	Receipt    string           `json:"receipt,omitempty"`
	Duplicate  bool             `json:"duplicate,omitempty"`
	Warnings   []string         `json:"warnings,omitempty"`
	Reason     string           `json:"reason,omitempty"`
	Message    string           `json:"message,omitempty"`
	Violations []batchViolation `json:"violations,omitempty"`
}

type batchViolation struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// batchResult is the result as JSON.
type batchResult struct {
	Items    int    `json:"items"`
	Accepted int    `json:"accepted"`
	Repeated int    `json:"repeated"`
	Refused  int    `json:"refused"`
	File     string `json:"file"`
}

// Reasons of lines that never reached the relay.
const (
	reasonSyntax   = "LINE_NOT_AN_ITEM"
	reasonNoOwnKey = "OWN_KEY_MISSING"
)

// maxLine bounds a line: an item with its registration certificate in base64 is a tenth of it.
const maxLine = 1 << 20

// batch is one run.
type batch struct {
	app    *app
	sender *relay.Client
	limits *intakev1.GetLimitsResponse
	keys   []byte
	out    *bufio.Writer
	result batchResult
	// authorisation is what all items are sent by; empty for a sender's own.
	authorisation string

	lines []int
	items []*intakev1.SendItem
	bytes int64
}

// Run sends the file.
func (c *batchCommand) Run(a *app) (err error) {
	in, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	b := &batch{app: a, sender: sender, result: batchResult{File: c.Out}, authorisation: c.Authorisation}
	if b.limits, err = sender.Limits(a.ctx); err != nil {
		return err
	}
	if b.keys, err = sender.ReceiptKeys(a.ctx); err != nil {
		return err
	}
	if _, err := reserve(c.Out, c.Overwrite); err != nil {
		return err
	}
	out, err := os.OpenFile(c.Out, os.O_TRUNC|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write the outcomes: %w", err)
	}
	b.out = bufio.NewWriter(out)
	err = errors.Join(b.read(in), b.out.Flush(), out.Sync(), out.Close())
	if err != nil {
		return fmt.Errorf("%w\n%d outcomes are in %s; repeat the command with --overwrite for all, nothing is sent twice", err, b.result.Accepted+b.result.Refused, c.Out)
	}
	if err := a.show(b.result, func() error {
		return a.say("%d items: %d accepted (%d of them before), %d refused; outcomes in %s", b.result.Items, b.result.Accepted, b.result.Repeated, b.result.Refused, c.Out)
	}); err != nil {
		return err
	}
	if b.result.Refused > 0 {
		return fmt.Errorf("%d items were refused", b.result.Refused)
	}
	return nil
}

// read takes line by line, and sends whenever no further item fits into a call.
func (b *batch) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		b.result.Items++
		if err := b.add(n, line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(fmt.Errorf("read line %d: %w", n+1, err), b.send())
	}
	return b.send()
}

func (b *batch) add(n int, line []byte) error {
	item := &intakev1.SendItem{}
	if err := protojson.Unmarshal(line, item); err != nil {
		// The cause would repeat what stands in the line.
		return b.refuse(batchOutcome{Line: n, Reason: reasonSyntax, Message: "the line is no item: not JSON, or with a field or value that an item does not have"})
	}
	if item.GetOwnKey() == "" {
		return b.refuse(batchOutcome{Line: n, Reason: reasonNoOwnKey, Message: "ownKey is required: without it a repeat would send the document again"})
	}
	size := int64(len(line)) + 1
	if b.authorisation != "" {
		item.Authorisation = b.authorisation
		size += int64(len(`"authorisation":"",`) + len(b.authorisation))
	}
	if len(b.items) >= int(b.limits.GetBatchItems()) || b.bytes+size > b.limits.GetBatchBytes()-envelope {
		if err := b.send(); err != nil {
			return err
		}
	}
	b.lines, b.items, b.bytes = append(b.lines, n), append(b.items, item), b.bytes+size
	return nil
}

// envelope is what a call has around its items, and what writing them anew may add.
const envelope = 64 << 10

// send makes one call and writes its outcomes.
func (b *batch) send() error {
	if len(b.items) == 0 {
		return nil
	}
	var outcomes []*intakev1.ItemOutcome
	err := poll.Until(b.app.ctx, fmt.Sprintf("the answer to lines %d to %d", b.lines[0], b.lines[len(b.lines)-1]), func(ctx context.Context) (bool, error) {
		var err error
		outcomes, err = b.sender.BatchSend(ctx, b.items)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	if len(outcomes) != len(b.items) {
		return fmt.Errorf("the relay told %d outcomes of %d items", len(outcomes), len(b.items))
	}
	for i, outcome := range outcomes {
		if err := b.settle(b.lines[i], b.items[i], outcome); err != nil {
			return err
		}
	}
	b.lines, b.items, b.bytes = nil, nil, 0
	b.app.progress("%d items: %d accepted, %d refused …", b.result.Items, b.result.Accepted, b.result.Refused)
	return b.out.Flush()
}

func (b *batch) settle(line int, item *intakev1.SendItem, outcome *intakev1.ItemOutcome) error {
	if refused := outcome.GetRefused(); refused != nil {
		o := batchOutcome{Line: line, OwnKey: item.GetOwnKey(), Reason: refused.GetReason(), Message: refused.GetMessage()}
		o.EdocNum = refused.GetExistingEdocNum()
		place := fmt.Sprintf("items[%d].", outcome.GetIndex()) // in the call, of which the reader of the outcomes knows nothing
		for _, v := range refused.GetViolations() {
			o.Violations = append(o.Violations, batchViolation{Field: strings.TrimPrefix(v.GetField(), place), Message: v.GetMessage()})
		}
		return b.refuse(o)
	}
	accepted := outcome.GetAccepted()
	certificate := cmp.Or(item.GetRegistrationCertificateDigest(), archivecert.Digest(item.GetRegistrationCertificate()))
	if accepted.GetDuplicate() {
		certificate = "" // the first receipt speaks of the certificate that was handed in first
	}
	if err := relay.CheckReceipt(b.keys, accepted, item.GetOwnKey(), strings.ToLower(item.GetDocumentHash().GetValue()), certificate); err != nil {
		return fmt.Errorf("line %d: %s was accepted, but its receipt is not good: %w", line, accepted.GetEdocNum(), err)
	}
	b.result.Accepted++
	if accepted.GetDuplicate() {
		b.result.Repeated++
	}
	return b.write(batchOutcome{
		Line: line, OwnKey: accepted.GetOwnKey(), EdocNum: accepted.GetEdocNum(), AcceptedAt: relay.Time(accepted.GetAcceptedAt()),
		Receipt: accepted.GetReceipt(), Duplicate: accepted.GetDuplicate(), Warnings: accepted.GetWarnings(),
	})
}

func (b *batch) refuse(o batchOutcome) error {
	b.result.Refused++
	return b.write(o)
}

func (b *batch) write(o batchOutcome) error {
	line, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("write the outcomes: %w", err)
	}
	_, err = b.out.Write(append(line, '\n'))
	return err
}

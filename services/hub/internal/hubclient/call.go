package hubclient

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/proof"
)

// Operation names a kind of call in stored exchanges and metrics.
type Operation string

// The operations.
const (
	IssueToken           Operation = "issue_token"
	RegisterPerson       Operation = "register_person"
	RegisterOrganisation Operation = "register_organisation"
	LookUp               Operation = "look_up"
	Owner                Operation = "owner"
	Withdraw             Operation = "withdraw"
	Withdrawn            Operation = "withdrawn"
	ChangePerson         Operation = "change_person"
	ChangeOrganisation   Operation = "change_organisation"
	Search               Operation = "search"
	RegisterCirculations Operation = "register_circulations"
	RegisterReadTimes    Operation = "register_read_times"
	IssueCertificate     Operation = "issue_certificate"
	IssueFigures         Operation = "issue_figures"
)

// Call is one request as it is written. It holds personal data and, for IssueToken, secrets.
type Call struct {
	Operation Operation
	Method    string
	// Target is path and query, percent-encoded, below the base URL.
	Target      string
	ContentType string
	Body        []byte
	// AnswerLimit is the greatest answer read, in bytes.
	AnswerLimit int64
}

// Stamp is what makes an attempt unique.
type Stamp struct {
	// RequestID is a version 4 UUID, fresh for every attempt.
	RequestID uuid.UUID
	At        time.Time
}

// dateLayout is string(19) in KST without a zone (hub-interface 1).
const dateLayout = "2006-01-02 15:04:05"

// Date writes an instant as the hub has it: KST, truncated (never rounded) to seconds.
func Date(t time.Time) string { return t.In(id.KST).Format(dateLayout) }

func parseDate(s string) (time.Time, error) {
	t, err := time.ParseInLocation(dateLayout, s, id.KST)
	if err != nil {
		return time.Time{}, garbage("a date is not YYYY-MM-DD HH:MM:SS")
	}
	return t.UTC(), nil
}

func (c *Client) jsonCall(op Operation, method, path string, body any) (Call, error) {
	encoded, err := proof.Encode(body)
	if err != nil {
		return Call{}, fmt.Errorf("write call %s: %w", op, err)
	}
	return Call{
		Operation: op, Method: method, Target: path, ContentType: "application/json; charset=utf-8", Body: encoded,
		AnswerLimit: c.config.MaxAnswerBytes,
	}, nil
}

// getCall percent-encodes every value, a space as %20: a CI is base64 and holds + / =, an address may hold #.
func (c *Client) getCall(op Operation, path, key, value string) Call {
	encoded := strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	return Call{Operation: op, Method: http.MethodGet, Target: path + "?" + key + "=" + encoded, AnswerLimit: c.config.MaxAnswerBytes}
}

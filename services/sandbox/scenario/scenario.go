package scenario

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind names one way to misbehave.
type Kind string

// Transport level kinds, which Set.Middleware performs for any HTTP system.
const (
	// Down closes the connection without an answer. With httpStatus (for example 503) it answers that status instead.
	Down Kind = "down"
	// Slow answers correctly after delay.
	Slow Kind = "slow"
	// FailureOK answers HTTP 200 with a JSON body that reports a failure.
	FailureOK Kind = "http-200-with-failure"
	// TextPlain answers the same failure body as text/plain.
	TextPlain Kind = "text-plain"
	// Encoded answers correctly, in another encoding.
	Encoded Kind = "encoded"
	// AnswerLost lets the system do the work, then drops the connection, so that the caller cannot know and repeats the call.
	AnswerLost Kind = "answer-lost"
	// GarbageBody answers bytes that do not have the announced format.
	GarbageBody Kind = "garbage-body"
)

// Business level kinds of the distribution hub and the archive, which call Set.Take, Set.TakeItem or Set.TakeCall.
const (
	// TokenLoss revokes the presented token and answers that it is invalid; with the errCode of an expired token, that it has
	// expired.
	TokenLoss Kind = "token-loss"
	// ItemResult forces result for one item of a batch; the item is not processed.
	ItemResult Kind = "item-result"
	// WrongOrder answers the items of a batch in another order than the request.
	WrongOrder Kind = "wrong-order"
	// MissingItems omits the last count items from the answer.
	MissingItems Kind = "missing-items"
	// ReplicaLag answers a question from what was recorded before the last delay, as a replica that lags behind does.
	ReplicaLag Kind = "replica-lag"
	// CertificateForged changes a byte of an issued certificate.
	CertificateForged Kind = "certificate-forged"
	// CertificateOtherDocument issues a genuine certificate for another document.
	CertificateOtherDocument Kind = "certificate-other-document"
	// CertificateExpired signs with a certificate whose validity has ended.
	CertificateExpired Kind = "certificate-expired"
	// CertificateForeignSigner signs under a root that nobody trusts.
	CertificateForeignSigner Kind = "certificate-foreign-signer"
	// CertificateOtherOwner issues a genuine certificate for another depositor.
	CertificateOtherOwner Kind = "certificate-other-owner"
	// CertificateBackdated issues a genuine certificate that states a registration earlier by delay.
	CertificateBackdated Kind = "certificate-backdated"
	// Forgetful registers each submission anew, whatever its reference or hash, and refuses look-ups: the archive offers neither
	// idempotency nor look-up.
	Forgetful Kind = "forgetful"
	// DepositRefused refuses a document for good.
	DepositRefused Kind = "deposit-refused"
	// CertificateLongTerm issues a good certificate to which validation data and a document time stamp were added (PAdES B-LTA).
	CertificateLongTerm Kind = "certificate-long-term"
	// PushLate pushes an issued certificate only after delay.
	PushLate Kind = "push-late"
	// PushTwice pushes it twice.
	PushTwice Kind = "push-twice"
	// PushForeign pushes it for an applicant who did not ask.
	PushForeign Kind = "push-foreign"
	// PushForged pushes it with a signature that is not the hub's.
	PushForged Kind = "push-forged"
	// PushOnly pushes it and gives no answer to whoever asked for it.
	PushOnly Kind = "push-only"
	// PushReplayed pushes the very same bytes under the very same signature again, as somebody who recorded a push would.
	PushReplayed Kind = "push-replayed"
	// PushStale pushes it with a signature that is older by delay.
	PushStale Kind = "push-stale"
	// PushOtherDocument pushes it as one of a document of another relay.
	PushOtherDocument Kind = "push-other-document"
	// PushOtherRelay pushes it with a signature for another relay.
	PushOtherRelay Kind = "push-other-relay"
)

// Kinds of a sender's viewing system.
const (
	// ShowOtherBytes shows bytes that are not the document, and reports their hash.
	ShowOtherBytes Kind = "show-other-bytes"
	// ReportEarly reports a read time that is before the token's verification, by delay.
	ReportEarly Kind = "report-early"
	// ReportForeignDocument reports the read for the edoc number in body.
	ReportForeignDocument Kind = "report-foreign-document"
	// NeverReport shows the document and never reports it.
	NeverReport Kind = "never-report"
)

// Kinds of the time-stamping authority.
const (
	// TSAOtherImprint stamps another hash than the one that was asked for.
	TSAOtherImprint Kind = "tsa-other-imprint"
	// TSAOtherNonce answers with another nonce than the request's.
	TSAOtherNonce Kind = "tsa-other-nonce"
	// TSAForeignSigner signs under a root that nobody trusts.
	TSAForeignSigner Kind = "tsa-foreign-signer"
	// TSAExpired signs with a certificate whose validity has ended.
	TSAExpired Kind = "tsa-expired"
	// TSARejects answers that the time is not available (timeNotAvailable).
	TSARejects Kind = "tsa-rejects"
)

// Kinds of the phone, which takes invitations.
const (
	// NoSuchPerson answers that nobody is known at the contact.
	NoSuchPerson Kind = "no-such-person"
	// RetryAfter asks not to be called for delay.
	RetryAfter Kind = "retry-after"
)

// Match says which calls or items a scenario applies to. Empty fields match everything.
type Match struct {
	// Method is an HTTP method in upper case.
	Method string `json:"method,omitempty"`
	// Path is the exact request path, or a prefix if it ends in "*".
	Path string `json:"path,omitempty"`
	// Key is the business key: edoc number, address, document id.
	Key string `json:"key,omitempty"`
	// EdocNum is another name for Key.
	EdocNum string `json:"edocNum,omitempty"`
	// Item is the position in a batch, counted from 1.
	Item int `json:"item,omitempty"`
}

// Scenario is one instruction to misbehave.
type Scenario struct {
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Match Match  `json:"match"`
	// Skip is the number of matches that pass first.
	Skip int `json:"skip,omitempty"`
	// Times is the number of matches taken; 0 means 1. Forever overrides it.
	Times int `json:"times,omitempty"`
	// Forever takes every match until the scenario is deleted.
	Forever bool `json:"forever,omitempty"`

	// Delay is a duration such as "250ms" (slow, replica-lag, certificate-backdated, report-early, retry-after).
	Delay Delay `json:"delay,omitempty"`
	// HTTPStatus is the status that down, http-200-with-failure, text-plain and garbage-body answer; the default of the last
	// three is 200.
	HTTPStatus int `json:"httpStatus,omitempty"`
	// Result is the code that item-result forces.
	Result int `json:"result,omitempty"`
	// ResultCode, ErrCode and ErrMsg are the content of the failure body.
	ResultCode int    `json:"resultCode,omitempty"`
	ErrCode    string `json:"errCode,omitempty"`
	ErrMsg     string `json:"errMsg,omitempty"`
	// Charset is what failures and encoded answers are written in: CP949, UTF-8-BOM or UTF-16-BOM; empty: UTF-8, for failures.
	Charset string `json:"charset,omitempty"`
	// Count is the number of items left out by missing-items; 0 means 1.
	Count int `json:"count,omitempty"`
	// Body replaces the built-in body of transport level answers.
	Body string `json:"body,omitempty"`
	// ContentType of Body.
	ContentType string `json:"contentType,omitempty"`

	// Seen and Taken count matches since the scenario was added; the Set sets them.
	Seen  int `json:"seen"`
	Taken int `json:"taken"`
}

// Delay is a time.Duration written as "1.5s" in JSON.
type Delay time.Duration

// MarshalJSON writes the duration in Go's notation.
func (d Delay) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).String())
}

// UnmarshalJSON reads a duration in Go's notation.
func (d *Delay) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read delay: %w", err)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("read delay: %w", err)
	}
	*d = Delay(v)
	return nil
}

// maxDelay keeps a forgotten scenario from blocking connections for ever.
const maxDelay = 10 * time.Minute

var idPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (s *Scenario) known() bool {
	return slices.Contains([]Kind{
		Down, Slow, FailureOK, TextPlain, Encoded, AnswerLost, GarbageBody,
		TokenLoss, ItemResult, WrongOrder, MissingItems, ReplicaLag,
		CertificateForged, CertificateOtherDocument, CertificateExpired, CertificateForeignSigner, CertificateOtherOwner, CertificateBackdated,
		CertificateLongTerm, Forgetful, DepositRefused, PushLate, PushTwice, PushForeign, PushForged,
		PushOnly, PushReplayed, PushStale, PushOtherDocument, PushOtherRelay,
		ShowOtherBytes, ReportEarly, ReportForeignDocument, NeverReport, NoSuchPerson, RetryAfter,
		TSAOtherImprint, TSAOtherNonce, TSAForeignSigner, TSAExpired, TSARejects,
	}, s.Kind)
}

// check returns the field and the rule that a scenario breaks, or two empty strings.
func (s *Scenario) check() (field, rule string) {
	switch {
	case !idPattern.MatchString(s.ID):
		return "id", "1 to 64 of A-Z a-z 0-9 . _ -"
	case !s.known():
		return "kind", "unknown kind"
	case s.Skip < 0:
		return "skip", "not negative"
	case s.Times < 0:
		return "times", "not negative"
	case s.Count < 0:
		return "count", "not negative"
	case s.Match.Item < 0:
		return "match.item", "not negative"
	case s.Match.Key != "" && s.Match.EdocNum != "" && s.Match.Key != s.Match.EdocNum:
		return "match.edocNum", "key and edocNum differ"
	case s.Delay < 0 || time.Duration(s.Delay) > maxDelay:
		return "delay", "0s to 10m"
	case slices.Contains([]Kind{Slow, ReplicaLag, CertificateBackdated, RetryAfter, PushLate, PushStale}, s.Kind) && s.Delay == 0:
		return "delay", "required for slow, replica-lag, certificate-backdated, retry-after, push-late and push-stale"
	case s.Kind == ItemResult && (s.Result < 1 || s.Result > 9999):
		return "result", "1 to 9999, required for item-result"
	case s.Charset != "" && charsets()[s.Charset] == nil, s.Kind == Encoded && s.Charset == "":
		return "charset", "CP949, UTF-8-BOM or UTF-16-BOM, required for encoded"
	case s.HTTPStatus != 0 && (s.HTTPStatus < 200 || s.HTTPStatus > 599):
		return "httpStatus", "200 to 599"
	}
	return "", ""
}

// matches reports whether the scenario applies to a call or item. A caller leaves unknown facts empty; a scenario that names such
// a fact does not apply.
func (m Match) matches(f facts) bool {
	key := m.Key
	if key == "" {
		key = m.EdocNum
	}
	return (m.Method == "" || m.Method == f.method) &&
		(m.Path == "" || pathMatches(m.Path, f.path)) &&
		(key == "" || key == f.key) &&
		(m.Item == 0 || m.Item == f.item)
}

func pathMatches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// status is the HTTP status of a transport level answer.
func (s *Scenario) status() int {
	if s.HTTPStatus != 0 {
		return s.HTTPStatus
	}
	return http.StatusOK
}

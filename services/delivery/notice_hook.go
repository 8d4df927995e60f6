package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/rest"
)

const (
	maxAnswerBytes = 4 << 10
	// maxWait bounds how long an answer can keep the hook from being called; so long a hook that is gone is left alone.
	maxWait = 24 * time.Hour
)

// hook is the operator's messaging, which takes notices and invitations.
type hook struct {
	url     string
	timeout time.Duration
	// key signs what is posted.
	key   []byte
	http  *http.Client
	clock clock.Clock
}

// newHook makes a hook that so many call at once, each call for no longer than timeout.
func newHook(to Hook, workers int, timeout time.Duration, c clock.Clock) (*hook, error) {
	key, err := to.key()
	if err != nil {
		return nil, fmt.Errorf("read the secret of a hook: %w", err)
	}
	return &hook{url: to.URL, timeout: timeout, key: key, http: hookClient(workers, timeout, to.AllowPrivate), clock: c}, nil
}

// name stands for the URL, which may hold a secret of its own.
func (h *hook) name() []byte {
	digest := sha256.Sum256([]byte(h.url))
	return digest[:]
}

// public knows the addresses of the open Internet.
var public = ssrf.New(ssrf.WithAnyPort())

// isPrivate reports whether a host is written as an address that is not public, or as this machine.
func isPrivate(host string) bool {
	name := "." + strings.ToLower(strings.TrimSuffix(host, "."))
	address, err := netip.ParseAddr(host)
	return strings.HasSuffix(name, ".localhost") || err == nil && public.SafeAddr(address) != nil
}

// hookClient keeps one connection for each concurrent call, and follows no redirect: only who is configured may take a notice.
// Where private addresses are not allowed, each address is judged when it is dialled, whatever the name led to before; a proxy
// would dial unseen, so there is none then.
func hookClient(workers int, timeout time.Duration, allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: timeout}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: timeout, MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute,
	}
	if !allowPrivate {
		dialer.Control, transport.Proxy = public.Safe, nil
	}
	return &http.Client{
		Timeout: timeout + time.Second, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post signs notices as Standard Webhooks requires (webhook-id, webhook-timestamp, webhook-signature), so that the receiver can
// recognise forged and repeated ones.
func (h *hook) post(ctx context.Context, webhook uuid.UUID, content any) error {
	payload, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode notices: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(payload))
	if err != nil {
		return errors.New("make notices: the URL is not good")
	}
	at := strconv.FormatInt(h.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(webhook.String() + "." + at + "."))
	mac.Write(payload)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", webhook.String())
	request.Header.Set("Webhook-Timestamp", at)
	request.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	response, err := h.http.Do(request)
	if err != nil {
		return fmt.Errorf("post notices: %w", rest.WithoutURL(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer to notices: %w", err)
	}
	if response.StatusCode/100 != 2 {
		said := struct{ Reason string }{}
		_ = json.Unmarshal(answer, &said) // most say nothing but their status
		return &answerError{status: response.StatusCode, wait: waitAsked(response, h.clock.Now()), reason: said.Reason}
	}
	return nil
}

// answerError is an answer other than 2xx. A redirect is one: who it leads to was not told by the operator.
type answerError struct {
	status int
	// wait is how long the hook asks not to be called.
	wait time.Duration
	// reason is the one that the answer's JSON gives, as it came: it is compared, and never repeated.
	reason string
}

func (e *answerError) Error() string { return "answered with status " + strconv.Itoa(e.status) }

// waitAsked reads Retry-After (RFC 9110 10.2.3): seconds, or a time. A hook that is gone has said so for good.
func waitAsked(response *http.Response, now time.Time) time.Duration {
	if response.StatusCode == http.StatusGone {
		return maxWait
	}
	asked := response.Header.Get("Retry-After")
	seconds, err := strconv.ParseUint(asked, 10, 64)
	switch {
	case err == nil:
		return time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second //nolint:gosec // at most a day
	case errors.Is(err, strconv.ErrRange):
		return maxWait
	}
	until, err := http.ParseTime(asked)
	if err != nil {
		return 0
	}
	return min(max(0, until.Sub(now)), maxWait)
}

func waitOf(err error) time.Duration {
	var answer *answerError
	if !errors.As(err, &answer) {
		return 0
	}
	return answer.wait
}

func isGone(err error) bool {
	var answer *answerError
	return errors.As(err, &answer) && answer.status == http.StatusGone
}

// refusesContent reports whether an answer is about the content of a notice, not about its time or sender.
func refusesContent(err error) bool {
	var answer *answerError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

func reasonOf(err error) string {
	var answer *answerError
	switch {
	case errors.As(err, &answer):
		return answer.Error()
	case errors.Is(err, ssrf.ErrProhibitedIP):
		return "the address is not public, and allow_private is not set"
	default:
		return "unreachable"
	}
}

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// scene is an institution whose viewing system the test plays, and a member to whom it sends.
type scene struct {
	institution *harness.Institution
	system      *harness.Caller
	recipient   *harness.Recipient
}

func newScene(t *testing.T) scene {
	t.Helper()
	institution, system := stack.NewInstitution(t)
	return scene{institution, system, stack.NewMember(t)}
}

// deliver sends a document and waits until it is received.
func (s scene) deliver(t *testing.T, change func(item map[string]any)) *harness.Document {
	t.Helper()
	d := s.institution.NewDocument(t, s.recipient.ByCI())
	if change != nil {
		change(d.Item)
	}
	sendOnceServed(t, s.institution, d)
	s.institution.AwaitState(t, d.EdocNum, "RECEIVED")
	return d
}

// verification is the answer to a viewing system about a token.
type verification struct {
	EdocNum, VerificationID, VerifiedAt string
	Recipient                           struct{ CI string }
	DocumentHash, RegisteredHash        struct{ Algorithm, Value string }
}

func verify(t *testing.T, system *harness.Caller, token, requestID string) harness.Answer {
	t.Helper()
	var answer harness.Answer
	// A viewing system that was just created may not be known to every unit yet.
	await.Require(t, harness.Patience, func() bool {
		answer = system.Do(t, http.MethodPost, "/v1/viewing/tokens:verify", map[string]string{"token": token, "requestId": requestID})
		return answer.Status != http.StatusServiceUnavailable
	})
	return answer
}

func (s scene) verified(t *testing.T, d *harness.Document) verification {
	t.Helper()
	var v verification
	verify(t, s.system, s.recipient.ViewingToken(t, d.EdocNum).Token, "r-"+rand.Text()).Into(t, &v)
	require.Equal(t, d.EdocNum, v.EdocNum)
	return v
}

// requireRefused checks that the answer is this problem and reveals nothing about the document.
func (s scene) requireRefused(t *testing.T, answer harness.Answer, status int, reason string, d *harness.Document) {
	t.Helper()
	problem := answer.Problem(t)
	require.Equal(t, status, problem.Status, "%s", answer.Body)
	require.Equal(t, reason, problem.Reason)
	for _, value := range []string{d.EdocNum, d.Hash, s.recipient.CI, s.recipient.Name, s.recipient.Phone, "시험용 안내문"} {
		require.NotContains(t, string(answer.Body), value)
	}
}

// Malformed, forged, foreign and used tokens are refused and reveal nothing, and the genuine token stays valid.
func TestTokenMisuse(t *testing.T) {
	t.Parallel()
	s, other := newScene(t), newScene(t)
	document, second := s.deliver(t, nil), s.deliver(t, nil)
	genuine := s.recipient.ViewingToken(t, document.EdocNum).Token
	parts := strings.Split(genuine, ".")
	require.Len(t, parts, 3)
	elsewhere := func(name, value string) string { return edit(t, parts[1], name, value) }
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	own := signerOf(t, "viewing", keys.ViewingToken)
	fresh := edit(t, edit(t, parts[1], "jti", uuid.NewString()), "aud", s.institution.ViewingSystem)

	for _, attempt := range []struct {
		name, token, reason string
		status              int
	}{
		{"no token at all", "garbage", "TOKEN_MALFORMED", http.StatusBadRequest},
		{"two parts", parts[0] + "." + parts[1], "TOKEN_MALFORMED", http.StatusBadRequest},
		{"padded", genuine + "=", "TOKEN_MALFORMED", http.StatusBadRequest},
		{"no algorithm", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "TOKEN_MALFORMED", http.StatusBadRequest},
		{"an access token", s.institution.Token(), "TOKEN_MALFORMED", http.StatusBadRequest},
		{"a session token", s.recipient.Token(), "TOKEN_MALFORMED", http.StatusBadRequest},
		{"the receipt", document.Receipt, "TOKEN_MALFORMED", http.StatusBadRequest},
		{"the receipt's signature", strings.Split(document.Receipt, "~")[0], "TOKEN_MALFORMED", http.StatusBadRequest},
		{"another document", parts[0] + "." + elsewhere("edn", second.EdocNum) + "." + parts[2], "TOKEN_FORGED", http.StatusForbidden},
		{"another viewing system", parts[0] + "." + elsewhere("aud", other.institution.ViewingSystem) + "." + parts[2], "TOKEN_FORGED", http.StatusForbidden},
		{"another token's signature", parts[0] + "." + parts[1] + "." + strings.Split(s.recipient.ViewingToken(t, document.EdocNum).Token, ".")[2], "TOKEN_FORGED", http.StatusForbidden},
		{"another key", sign(t, parts[0], parts[1], stranger), "TOKEN_FORGED", http.StatusForbidden},
		{"the key of sessions", ownKey(t, parts, signerOf(t, "viewing", keys.AccessToken)), "TOKEN_FORGED", http.StatusForbidden},
		{"the key of receipts", ownKey(t, parts, signerOf(t, "intake", keys.Receipt)), "TOKEN_FORGED", http.StatusForbidden},
		{"the key of access tokens", ownKey(t, parts, signerOf(t, "gateway", keys.AccessToken)), "TOKEN_FORGED", http.StatusForbidden},
		{"our key, never issued", sign(t, parts[0], fresh, own), "TOKEN_FORGED", http.StatusForbidden},
		{"our key, issued otherwise", sign(t, parts[0], parts[1], own), "TOKEN_FORGED", http.StatusForbidden},
	} {
		t.Run(attempt.name, func(t *testing.T) {
			s.requireRefused(t, verify(t, s.system, attempt.token, "r-"+rand.Text()), attempt.status, attempt.reason, document)
		})
	}
	s.requireRefused(t, verify(t, other.system, genuine, "r1"), http.StatusForbidden, "TOKEN_FOREIGN", document)
	s.requireRefused(t, verify(t, s.system, strings.Repeat("a", 1025), "r1"), http.StatusBadRequest, "INVALID_REQUEST", document)
	for name, caller := range map[string]*harness.Caller{"sender": s.institution.Caller, "recipient": s.recipient.Caller} {
		s.requireRefused(t, verify(t, caller, genuine, "r1"), http.StatusForbidden, "KIND_NOT_PERMITTED", document)
		require.NotEqual(t, s.system, caller, name)
	}

	var first, again verification
	verify(t, s.system, genuine, "r1").Into(t, &first)
	require.Equal(t, document.EdocNum, first.EdocNum)
	require.Equal(t, document.Hash, first.DocumentHash.Value)
	require.Equal(t, document.Hash, first.RegisteredHash.Value)
	require.Equal(t, s.recipient.CI, first.Recipient.CI)
	verify(t, s.system, genuine, "r1").Into(t, &again)
	require.Equal(t, first, again, "the very same call is answered again")
	s.requireRefused(t, verify(t, s.system, genuine, "r2"), http.StatusConflict, "TOKEN_REPLAYED", document)
	s.requireRefused(t, verify(t, other.system, genuine, "r1"), http.StatusForbidden, "TOKEN_FOREIGN", document)
}

// Of many calls with one token at the same time, one learns about the document.
func TestTokenIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	document := s.deliver(t, nil)
	s.verified(t, document) // from here on every unit knows the viewing system
	token := s.recipient.ViewingToken(t, document.EdocNum).Token
	answers := make([]harness.Answer, 12)
	failures := make([]error, len(answers))
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			body := strings.NewReader(fmt.Sprintf(`{"token":%q,"requestId":"r%d"}`, token, i))
			answers[i], failures[i] = tryExchange(t.Context(), s.system, http.MethodPost, "/v1/viewing/tokens:verify", http.Header{"Content-Type": {"application/json"}}, body)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(failures...))
	told := 0
	for _, answer := range answers {
		if answer.Status == http.StatusOK {
			told++
			continue
		}
		s.requireRefused(t, answer, http.StatusConflict, "TOKEN_REPLAYED", document)
	}
	require.Equal(t, 1, told)
}

// A token ends with the viewing deadline: afterwards it reveals nothing and no new one is issued. A report still counts if its
// token was verified in time.
func TestViewingDeadline(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deliver(t, nil) // warms up: the next delivery is quick because every unit knows all parties
	deadline := clock.System().Now().Add(12 * time.Second)
	document := s.deliver(t, func(item map[string]any) {
		item["viewing"].(map[string]any)["deadline"] = apiTime(deadline)
	})
	v, late := s.verified(t, document), s.recipient.ViewingToken(t, document.EdocNum)
	expires, err := time.Parse(time.RFC3339Nano, late.ExpiresAt)
	require.NoError(t, err)
	require.False(t, expires.After(deadline))
	await.Require(t, harness.Patience, func() bool { return clock.System().Now().After(deadline) })
	s.requireRefused(t, verify(t, s.system, late.Token, "late"), http.StatusConflict, "TOKEN_EXPIRED", document)
	s.requireRefused(t, s.recipient.Do(t, http.MethodPost, "/v1/inbox/"+document.EdocNum+":view", map[string]any{}), http.StatusConflict, "VIEWING_DEADLINE_PASSED", document)
	var reported reportAnswer
	s.report(t, document, v, nil).Into(t, &reported)
	require.False(t, reported.Duplicate)
	s.institution.AwaitState(t, document.EdocNum, "READ")
}

// apiTime formats a time as the API does.
func apiTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

type reportAnswer struct {
	ReadAt    string
	Duplicate bool
}

// report sends a good read report for the verification after applying change to it.
func (s scene) report(t *testing.T, d *harness.Document, v verification, change func(body map[string]any)) harness.Answer {
	t.Helper()
	return reportAs(t, s.system, d, v, change)
}

func reportAs(t *testing.T, caller *harness.Caller, d *harness.Document, v verification, change func(body map[string]any)) harness.Answer {
	t.Helper()
	body := map[string]any{
		"verificationId": v.VerificationID, "readAt": apiTime(clock.System().Now()), "shownHash": map[string]any{"algorithm": "SHA-256", "value": d.Hash}, "logDigest": strings.Repeat("ab", 32),
	}
	if change != nil {
		change(body)
	}
	return caller.Do(t, http.MethodPost, "/v1/documents/"+d.EdocNum+":reportRead", body)
}

// Read reports that claim a time before the token check, another's document, a wrong time or other content have no effect. The
// first good report sets the read time for ever.
func TestReadReportRules(t *testing.T) {
	t.Parallel()
	s, other := newScene(t), newScene(t)
	document, second := s.deliver(t, nil), s.deliver(t, nil)
	foreign := other.deliver(t, nil)
	none := verification{VerificationID: uuid.NewString()}
	s.requireRefused(t, s.report(t, document, none, nil), http.StatusNotFound, "VERIFICATION_UNKNOWN", document)

	v, theirs := s.verified(t, document), other.verified(t, foreign)
	verifiedAt, err := time.Parse(time.RFC3339Nano, v.VerifiedAt)
	require.NoError(t, err)
	readAt := func(at time.Time) func(map[string]any) {
		return func(body map[string]any) { body["readAt"] = apiTime(at) }
	}
	for _, attempt := range []struct {
		name, reason string
		status       int
		answer       harness.Answer
	}{
		{"another viewing system", "VERIFICATION_UNKNOWN", http.StatusNotFound, reportAs(t, other.system, document, v, nil)},
		{"another sender's document", "VERIFICATION_UNKNOWN", http.StatusNotFound, s.report(t, foreign, theirs, nil)},
		{"another sender's document, own verification", "VERIFICATION_UNKNOWN", http.StatusNotFound, s.report(t, foreign, v, nil)},
		{"own document, not the verified one", "VERIFICATION_UNKNOWN", http.StatusNotFound, s.report(t, second, v, nil)},
		{"no document", "VERIFICATION_UNKNOWN", http.StatusNotFound, s.report(t, &harness.Document{EdocNum: absentNumber(document.EdocNum), Hash: document.Hash}, v, nil)},
		{"a second before the verification", "READ_TIME_OUT_OF_WINDOW", http.StatusBadRequest, s.report(t, document, v, readAt(verifiedAt.Add(-time.Second)))},
		{"a microsecond before the verification", "READ_TIME_OUT_OF_WINDOW", http.StatusBadRequest, s.report(t, document, v, readAt(justBefore(verifiedAt)))},
		{"in the future", "READ_TIME_OUT_OF_WINDOW", http.StatusBadRequest, s.report(t, document, v, readAt(clock.System().Now().Add(time.Minute)))},
		{"another content", "SHOWN_HASH_DIFFERS", http.StatusConflict, s.report(t, document, v, func(body map[string]any) {
			body["shownHash"] = map[string]any{"algorithm": "SHA-256", "value": second.Hash}
		})},
		{"the sender", "KIND_NOT_PERMITTED", http.StatusForbidden, reportAs(t, s.institution.Caller, document, v, nil)},
		{"the recipient", "KIND_NOT_PERMITTED", http.StatusForbidden, reportAs(t, s.recipient.Caller, document, v, nil)},
	} {
		t.Run(attempt.name, func(t *testing.T) {
			s.requireRefused(t, attempt.answer, attempt.status, attempt.reason, document)
		})
	}
	s.requireFirstWins(t, document, v)
	// The refused reports have set no read time anywhere. If one were still in progress, the later report would have overtaken
	// it.
	for _, d := range []*harness.Document{second, foreign} {
		owner := s
		if d == foreign {
			owner = other
		}
		require.Equal(t, "DOCUMENT_STATE_RECEIVED", owner.institution.Status(t, d.EdocNum).State)
	}
}

// justBefore returns a time one microsecond earlier. If that is a whole millisecond it returns a slightly earlier time, because
// times in whole milliseconds are compared in milliseconds.
func justBefore(t time.Time) time.Time {
	before := t.Add(-time.Microsecond)
	if before.Nanosecond()%int(time.Millisecond) == 0 {
		before = before.Add(-time.Microsecond)
	}
	return before
}

// requireFirstWins checks that of several good reports the first sets the read time, here and at the hub.
func (s scene) requireFirstWins(t *testing.T, d *harness.Document, v verification) {
	t.Helper()
	require.Empty(t, s.institution.Status(t, d.EdocNum).ReadAt)
	at := apiTime(clock.System().Now())
	same := func(body map[string]any) { body["readAt"] = at }
	var first, repeated, later reportAnswer
	s.report(t, d, v, same).Into(t, &first)
	require.Equal(t, reportAnswer{ReadAt: at}, first)
	s.report(t, d, v, same).Into(t, &repeated)
	require.Equal(t, reportAnswer{ReadAt: at, Duplicate: true}, repeated)
	s.report(t, d, s.verified(t, d), nil).Into(t, &later)
	require.Equal(t, reportAnswer{ReadAt: at, Duplicate: true}, later, "a later report of another verification moves nothing")
	status := s.institution.AwaitStatus(t, d.EdocNum, func(s harness.Status) bool { return s.State == "DOCUMENT_STATE_READ" && s.ReadTimeRegistered() })
	require.Equal(t, at, status.ReadAt)
	requireAtHub(t, d, status)
}

// A notice without read time (docType 2) accepts no read report, but can be viewed.
func TestNoticeWithoutReadTime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	document := s.deliver(t, func(item map[string]any) { item["documentType"] = "DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME" })
	v := s.verified(t, document)
	s.requireRefused(t, s.report(t, document, v, nil), http.StatusConflict, "READ_TIME_NOT_KEPT", document)
	status := s.institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.TokenVerifiedAt != "" && s.Registered() })
	require.Equal(t, "DOCUMENT_STATE_RECEIVED", status.State)
	require.Empty(t, status.ReadAt)
}

// edit changes one claim of a token's payload.
func edit(t *testing.T, payload, name string, value any) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	require.NoError(t, err)
	var claims map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&claims))
	require.Contains(t, claims, name)
	claims[name] = value
	changed, err := json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(changed)
}

// sign signs header and payload of a token with the given key.
func sign(t *testing.T, header, payload string, key any) string {
	t.Helper()
	decoded := make([][]byte, 2)
	for i, part := range []string{header, payload} {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		require.NoError(t, err)
		decoded[i] = raw
	}
	headers := jws.NewHeaders()
	require.NoError(t, json.Unmarshal(decoded[0], headers))
	token, err := jws.Sign(decoded[1], jws.WithKey(jwa.ES256, key, jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	return string(token)
}

// absentNumber returns a number of the same day and relay that no document has.
func absentNumber(edocNum string) string {
	return edocNum[:len(edocNum)-13] + "9" + decimals(12)
}

// sendOnceServed sends a document of a new institution. Intake refuses it until intake knows the institution's address and
// viewing system, so the send is repeated.
func sendOnceServed(t *testing.T, institution *harness.Institution, d *harness.Document) {
	t.Helper()
	var accepted struct{ EdocNum, Receipt string }
	await.Require(t, harness.Patience, func(context.Context) error {
		answer := institution.Do(t, http.MethodPost, "/v1/documents", d.Item)
		if answer.Status != http.StatusOK {
			return fmt.Errorf("refused: %s", answer.Body)
		}
		return json.Unmarshal(answer.Body, &accepted)
	})
	d.EdocNum, d.Receipt = accepted.EdocNum, accepted.Receipt
}

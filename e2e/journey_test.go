package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// The whole path of guide 5.1.1 and 5.1.2: an institution sends, the recipient reads, the hub has the record, and certificates
// prove it.
func TestSystemCentredPath(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)

	// ❶ ❷ ❸
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	requireReceipt(t, document)

	// 4) in the inbox
	status := institution.AwaitState(t, document.EdocNum, "RECEIVED")
	require.Equal(t, status.SentAt, status.ReceivedAt)
	require.NotEmpty(t, status.RecipientAddress)
	var inbox struct {
		Items []struct{ EdocNum, Title string }
	}
	recipient.Do(t, http.MethodGet, "/v1/inbox", nil).Into(t, &inbox)
	require.Len(t, inbox.Items, 1)
	require.Equal(t, document.EdocNum, inbox.Items[0].EdocNum)
	require.Equal(t, "시험용 안내문", inbox.Items[0].Title)

	// ❹ ❺ ❻ 7)
	token := recipient.ViewingToken(t, document.EdocNum)
	require.True(t, strings.HasPrefix(token.URL, document.ViewingURL))
	ahead, page := stack.LookAhead(t, token.URL)
	require.Equal(t, http.StatusOK, ahead)
	require.NotContains(t, string(page), string(document.Bytes))
	shown, body := stack.Open(t, token.URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	require.Equal(t, document.Bytes, body)
	again, _ := stack.Open(t, token.URL)
	require.NotEqual(t, http.StatusOK, again, "a token opens once")
	status = institution.AwaitState(t, document.EdocNum, "READ")
	times := parseTimes(t, status.AcceptedAt, status.SentAt, status.ReceivedAt, status.ReadAt)
	for i := 1; i < len(times); i++ {
		require.False(t, times[i].Before(times[i-1]), "accepted, sent, received, read are in order")
	}

	// the hub has record and read time
	status = institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool {
		return s.Registered() && s.ReadTimeRegistered()
	})
	requireAtHub(t, document, status)
	requireTimeline(t, institution, document.EdocNum)

	// 5.1.2
	pdf := certificateOf(t, institution, document, "법원 제출")
	original := requireOriginal(t, document)
	requireHubVerifies(t, pdf, original, document.Bytes)
}

// requireReceipt checks the acceptance receipt with the published keys.
func requireReceipt(t *testing.T, d *harness.Document) {
	t.Helper()
	raw := stack.Anonymous().Do(t, http.MethodGet, "/.well-known/naru/intake/jwks.json", nil)
	claims, err := receipt.Verify(d.Receipt, raw.Body)
	require.NoError(t, err)
	require.Equal(t, d.EdocNum, claims.EdocNum)
	digest := sha256.Sum256(d.Certificate)
	require.Equal(t, hex.EncodeToString(digest[:]), claims.RegistrationCertificateDigest)
}

func parseTimes(t *testing.T, texts ...string) []time.Time {
	t.Helper()
	times := make([]time.Time, len(texts))
	for i, text := range texts {
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`, text)
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		times[i] = at
	}
	return times
}

// requireAtHub checks that the sandbox hub holds our record and read time, truncated to KST seconds.
func requireAtHub(t *testing.T, d *harness.Document, s harness.Status) {
	t.Helper()
	var record struct {
		Circulation struct{ SendDate, RecvDate, ReadDate, ContentHash string }
	}
	var raw json.RawMessage
	stack.Sandbox(t, stack.Endpoints.Sandbox.Hub, http.MethodGet, "/sandbox/circulations/"+d.EdocNum, nil, &raw)
	require.NoError(t, json.Unmarshal(raw, &record))
	if record.Circulation.SendDate == "" {
		require.NoError(t, json.Unmarshal(raw, &record.Circulation))
	}
	kst := time.FixedZone("KST", 9*60*60)
	times := parseTimes(t, s.SentAt, s.ReceivedAt, s.ReadAt)
	for i, got := range []string{record.Circulation.SendDate, record.Circulation.RecvDate, record.Circulation.ReadDate} {
		require.Equal(t, times[i].In(kst).Truncate(time.Second).Format("2006-01-02 15:04:05"), got, "%s", raw)
	}
	require.Equal(t, d.Hash, record.Circulation.ContentHash)
}

// requireTimeline checks that every fact appears once, and none before the fact it follows from.
func requireTimeline(t *testing.T, i *harness.Institution, edocNum string) {
	t.Helper()
	var timeline struct {
		Entries []struct {
			Kind, OccurredAt, RecordedAt string
			Ordinal                      int
		}
	}
	i.Do(t, http.MethodGet, "/v1/documents/"+edocNum+"/timeline", nil).Into(t, &timeline)
	seen := map[string]int{}
	for _, entry := range timeline.Entries {
		seen[entry.Kind]++
		parseTimes(t, entry.OccurredAt, entry.RecordedAt)
	}
	for _, kind := range []string{
		"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.delivery.v1.DocumentReceived",
		"naru.viewing.v1.ViewingTokenIssued", "naru.viewing.v1.ViewingTokenVerified", "naru.viewing.v1.DocumentRead",
		"naru.circulation.v1.CirculationRegistered", "naru.circulation.v1.ReadTimeRegistered",
	} {
		require.Equal(t, 1, seen[kind], "%s in %v", kind, seen)
	}
}

// certificateOf requests a distribution certificate (5.1.2 ❶ ❷), downloads it, and checks it as anybody could.
func certificateOf(t *testing.T, i *harness.Institution, d *harness.Document, reason string) []byte {
	t.Helper()
	var made struct {
		Certificate struct{ ID string }
	}
	i.Do(t, http.MethodPost, "/v1/documents/"+d.EdocNum+"/certificates", map[string]string{"reason": reason, "requestId": "r-" + d.Hash[:8]}).Into(t, &made)
	var got struct {
		Certificate struct {
			State, CertNum, PdfDigest, Reason string
			Checks                            map[string]string
		}
	}
	await.Require(t, harness.Patience, func() bool {
		i.Do(t, http.MethodGet, "/v1/certificates/"+made.Certificate.ID, nil).Into(t, &got)
		return got.Certificate.State != "CERTIFICATE_STATE_REQUESTED"
	})
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", got.Certificate.State, got.Certificate.Reason)
	require.Regexp(t, `^\d{4}-\d{4}-\d{4}-\d{4}$`, got.Certificate.CertNum)
	require.Len(t, got.Certificate.Checks, 12)
	download := i.Do(t, http.MethodGet, "/v1/certificates/"+made.Certificate.ID+"/content", nil)
	require.Equal(t, http.StatusOK, download.Status)
	require.Equal(t, "application/pdf", download.Header.Get("Content-Type"))
	digest := sha256.Sum256(download.Body)
	require.Equal(t, got.Certificate.PdfDigest, hex.EncodeToString(digest[:]))

	roots := pool(t, "hub-root.pem")
	pin := sha256.Sum256(leaf(t, "hub-leaf.pem").RawSubjectPublicKeyInfo)
	certificate, checks, err := distcert.Verify(download.Body, distcert.Options{Roots: roots, PinnedSigner: distcert.Pins{SPKI: []string{hex.EncodeToString(pin[:])}}, At: clock.System().Now()})
	require.NoError(t, err, "%+v", checks)
	require.NoError(t, certificate.Match(d.EdocNum, d.Hash))
	return download.Body
}

// requireOriginal fetches the document and its original certificate from the archive (5.1.2 ❸), and compares the hashes.
func requireOriginal(t *testing.T, d *harness.Document) []byte {
	t.Helper()
	var bytesOf bytes.Buffer
	issued, err := stack.Archive(t).Issue(t.Context(), d.ArchiveID, &bytesOf)
	require.NoError(t, err)
	require.Equal(t, d.Bytes, bytesOf.Bytes())
	verifier, err := archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{{Name: "시험용 전자문서보관소", Profile: archivecert.Format, Roots: pool(t, "archive-root.pem")}}, Clock: clock.System(),
	})
	require.NoError(t, err)
	statement, err := verifier.Original(issued.OriginalCertificate, clock.System().Now())
	require.NoError(t, err)
	require.NoError(t, statement.Covers(d.Hash, nil))
	return issued.OriginalCertificate
}

// requireHubVerifies makes the hub verify the pair (5.1.2 ❹).
func requireHubVerifies(t *testing.T, pdf, original, document []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, content := range map[string][]byte{"distribution": pdf, "original": original, "document": document} {
		part, err := form.CreateFormFile(name, name)
		require.NoError(t, err)
		_, err = part.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, form.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.Endpoints.Sandbox.Hub+"/api/cert/verify", &body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var verdict map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&verdict))
	require.Equal(t, true, verdict["valid"], "%v", verdict)
}

// A batch of a thousand items has an outcome for each item, and the good ones arrive.
func TestBatchSend(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	var items []any
	const good = 60
	for n := range good {
		item := map[string]any{}
		for k, v := range document.Item {
			item[k] = v
		}
		item["ownKey"] = document.Hash[:10] + "-" + string(rune('a'+n/26)) + string(rune('a'+n%26))
		items = append(items, item)
	}
	bad := map[string]any{"ownKey": "한글 key", "title": ""}
	items = append(items, bad)
	var answer struct {
		Outcomes []struct {
			Index    int
			Accepted *struct{ EdocNum string }
			Refused  *struct {
				Reason     string
				Violations []struct{ Field string }
			}
		}
	}
	institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": items}).Into(t, &answer)
	require.Len(t, answer.Outcomes, good+1)
	numbers := map[string]bool{}
	for n, outcome := range answer.Outcomes[:good] {
		require.Equal(t, n, outcome.Index)
		require.NotNil(t, outcome.Accepted, "%+v", outcome)
		numbers[outcome.Accepted.EdocNum] = true
	}
	require.Len(t, numbers, good, "every item has a number of its own")
	require.NotNil(t, answer.Outcomes[good].Refused)
	require.Greater(t, len(answer.Outcomes[good].Refused.Violations), 3)

	// The same batch again gets the same numbers and delivers nothing twice.
	first := answer
	institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": items}).Into(t, &answer)
	for n := range good {
		require.Equal(t, first.Outcomes[n].Accepted.EdocNum, answer.Outcomes[n].Accepted.EdocNum)
	}
	for number := range numbers {
		institution.AwaitStatus(t, number, func(s harness.Status) bool {
			return s.State == "DOCUMENT_STATE_RECEIVED" && s.Registered()
		})
	}
	var inbox struct{ Items []struct{ EdocNum string } }
	recipient.Do(t, http.MethodGet, "/v1/inbox?pageSize=100", nil).Into(t, &inbox)
	require.Len(t, inbox.Items, good)
}

func sandboxFile(name string) string {
	return filepath.Join(stack.Dir, "sandbox", "pki", name)
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(sandboxFile(name))
	require.NoError(t, err)
	return raw
}

package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/keys"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	askedID = "0191d0a1-0000-7000-8000-000000000007"
	agentID = "0191d0a1-0000-7000-8000-000000000008"
	payer   = "0191d0a1-0000-7000-8000-000000000009"
)

// authorised writes items to a file and gives what a relay would tell of their authorisation.
func authorised(t *testing.T) (file, asked string) {
	t.Helper()
	var lines []string
	var digests []authorisation.Digest
	for _, key := range []string{"own-1", "own-2"} {
		line := `{"ownKey":"` + key + `","title":"안내문","recipient":{"person":{"name":"가나다","birthDate":"1990-01-01","phone":"010-0000-0000"}},` +
			`"documentType":"DOCUMENT_TYPE_GENERAL","category":"DOCUMENT_CATEGORY_NOTICE","content":"0191d0a1-0000-7000-8000-00000000000a"}`
		var item intakev1.SendItem
		require.NoError(t, protojson.Unmarshal([]byte(line), &item))
		item.Recipient.Person.BirthDate, item.Recipient.Person.Phone = "19900101", "01000000000"
		lines, digests = append(lines, line), append(digests, authorisation.OfItem(&item))
	}
	file = filepath.Join(t.TempDir(), "items.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	salt := make([]byte, authorisation.SaltBytes)
	return file, `{"authorisation":{"id":"` + askedID + `","state":"AUTHORISATION_STATE_WAITING","agent":"` + agentID + `","agentName":"시험용대행사","sender":"` + payer + `",` +
		`"digest":"` + authorisation.Of(salt, digests...).String() + `","salt":"` + strings.Repeat("00", len(salt)) + `","items":2,"expiresAt":"2026-03-03T01:02:03Z"}}`
}

// An institution signs an authorisation only if it is about the items in its own file, and what it signs is good.
func TestSignAuthorisation(t *testing.T) {
	t.Parallel()
	items, asked := authorised(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	sign := "POST /v1/authorisations/" + askedID + ":sign"
	f := newRelay(t, map[string][]string{"GET /v1/authorisations/" + askedID: {asked}, sign: {strings.Replace(asked, "WAITING", "GIVEN", 1)}})
	code, stdout, stderr := f.run(t, "authorisation", "sign", askedID, "--items", items, "--key", key)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "GIVEN")
	var told struct{ Authorisation struct{ Digest string } }
	require.NoError(t, json.Unmarshal([]byte(asked), &told))
	var sent struct{ JWS string }
	require.NoError(t, json.Unmarshal([]byte(f.bodies[sign][0][strings.IndexByte(f.bodies[sign][0], '{'):]), &sent))
	keyID, err := keys.KeyID(&private.PublicKey)
	require.NoError(t, err)
	_, err = authorisation.Verify(sent.JWS, map[string]*ecdsa.PublicKey{keyID: &private.PublicKey},
		authorisation.Claims{Authorisation: askedID, Agent: agentID, Sender: payer, Digest: told.Authorisation.Digest}, time.Unix(0, 0))
	require.NoError(t, err)

	one, _, _ := strings.Cut(readFile(t, items), "\n")
	require.NoError(t, os.WriteFile(items, []byte(one), 0o600))
	code, _, stderr = f.run(t, "authorisation", "sign", askedID, "--items", items, "--key", key)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "nothing was signed")
	require.Len(t, f.bodies[sign], 1)
	code, _, _ = f.run(t, "authorisation", "sign", askedID, "--items", items, "--key", items)
	require.Equal(t, ExitUsage, code)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// An agent asks for an authorisation of its items, and shows and revokes it.
func TestRequestAuthorisation(t *testing.T) {
	t.Parallel()
	items, asked := authorised(t)
	const request, revoke = "POST /v1/authorisations", "POST /v1/authorisations/" + askedID + ":revoke"
	f := newRelay(t, map[string][]string{
		request: {asked}, "GET /v1/authorisations/" + askedID: {asked}, revoke: {strings.Replace(asked, "WAITING", "REVOKED", 1)},
	})
	code, stdout, stderr := f.run(t, "authorisation", "request", items, "--sender", "payer@x", "--request-id", "r-1")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "WAITING")
	require.Contains(t, f.bodies[request][0], `"requestId":"r-1"`)
	code, stdout, stderr = f.run(t, "authorisation", "show", askedID)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "시험용대행사")
	code, stdout, stderr = f.run(t, "authorisation", "revoke", askedID)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "REVOKED")
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	require.NoError(t, os.WriteFile(bad, []byte(`{"ownKey":"a b"}`), 0o600))
	code, _, stderr = f.run(t, "authorisation", "request", bad, "--sender", "payer@x")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "line 1: ")
}

// An agent asks for the certificates of documents, their party signs for exactly these and that reason, and the agent obtains
// one.
func TestAuthorisationOfCertificates(t *testing.T) {
	t.Parallel()
	const number, other, reason = "20260302_NARU000001_0000000000001", "20260302_NARU000001_0000000000002", "법원 제출"
	salt := make([]byte, authorisation.SaltBytes)
	asked := `{"authorisation":{"id":"` + askedID + `","state":"AUTHORISATION_STATE_WAITING","agent":"` + agentID + `","agentName":"시험용대행사","sender":"` + payer + `",` +
		`"digest":"` + authorisation.Of(salt, authorisation.OfCertificate(number, reason)).String() + `","salt":"` + strings.Repeat("00", len(salt)) + `","items":1,` +
		`"purpose":"AUTHORISATION_PURPOSE_CERTIFICATES","shown":[{"edocNum":"` + number + `","reason":"` + reason + `"}],"expiresAt":"2026-03-03T01:02:03Z"}}`
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	const request, sign, bundles = "POST /v1/authorisations", "POST /v1/authorisations/" + askedID + ":sign", "POST /v1/documents/" + number + "/bundles"
	f := newRelay(t, map[string][]string{
		request: {asked}, "GET /v1/authorisations/" + askedID: {asked}, sign: {strings.Replace(asked, "WAITING", "GIVEN", 1)},
		bundles: {`{"bundle":{"id":"` + payer + `"}}`}, "GET /v1/bundles/" + payer: {`{"bundle":{"state":"BUNDLE_STATE_FAILED","reason":"HUB_REFUSED"}}`},
	})
	code, stdout, stderr := f.run(t, "authorisation", "request", "--sender", "payer@x", "--certificates-of", number, "--reason", "법원\u3000제출", "--request-id", "r-1")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "certificates of 1")
	require.Contains(t, stdout, number)
	require.Contains(t, f.bodies[request][0], `"edocNums":["`+number+`"]`)
	require.Contains(t, f.bodies[request][0], `"reason":"`+reason+`"`)
	for name, args := range map[string][]string{
		"another document": {"--certificates-of", other, "--reason", reason}, "another reason": {"--certificates-of", number, "--reason", "제출용"},
		"one more": {"--certificates-of", number, "--certificates-of", other, "--reason", reason},
	} {
		code, _, stderr = f.run(t, append([]string{"authorisation", "sign", askedID, "--key", key}, args...)...)
		require.Equal(t, ExitFailed, code, name)
		require.Contains(t, stderr, "nothing was signed", name)
	}
	code, stdout, stderr = f.run(t, "authorisation", "sign", askedID, "--key", key, "--certificates-of", number, "--reason", reason)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "GIVEN")
	require.Len(t, f.bodies[sign], 1)
	for name, args := range map[string][]string{
		"neither": {}, "both": {key, "--certificates-of", number, "--reason", reason}, "no reason": {"--certificates-of", number}, "a reason alone": {key, "--reason", reason},
		"no number": {"--certificates-of", "1", "--reason", reason},
	} {
		code, _, _ = f.run(t, append([]string{"authorisation", "request", "--sender", "payer@x"}, args...)...)
		require.Equal(t, ExitUsage, code, name)
	}
	_, _, _ = f.run(t, "bundle", number, "--reason", reason, "--authorisation", askedID, "--out", filepath.Join(t.TempDir(), "b.asice"))
	require.Contains(t, f.bodies[bundles][0], `"authorisation":"`+askedID+`"`)
}

// An operator makes agents and registers the keys of institutions.
func TestAgents(t *testing.T) {
	t.Parallel()
	const keysPath = "PUT /v1/admin/institutions/" + payer + "/authorisation-keys"
	f := newRelay(t, map[string][]string{
		"POST /v1/admin/agents": {`{"agent":{"id":"` + agentID + `","name":"시험용대행사"},"credentials":{"clientId":"c-1","clientSecret":"s"}}`},
		"GET /v1/admin/agents":  {`{"agents":[{"id":"` + agentID + `","name":"시험용대행사"}]}`},
		keysPath:                {`{"keyIds":["k-1"]}`},
	})
	out := filepath.Join(t.TempDir(), "agent.json")
	code, stdout, stderr := f.run(t, "agent", "create", "--name", "시험용대행사", "--out", out)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, agentID)
	require.Contains(t, readFile(t, out), `"clientId": "c-1"`)
	code, stdout, stderr = f.run(t, "agent", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "시험용대행사")
	jwk := filepath.Join(t.TempDir(), "key.jwk")
	require.NoError(t, os.WriteFile(jwk, []byte("{\"kty\":\"EC\"}\n"), 0o600))
	code, stdout, stderr = f.run(t, "authorisation-keys", payer, "--jwk", jwk)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "k-1")
	require.Contains(t, f.bodies[keysPath][0], `"publicJwks":["{\"kty\":\"EC\"}"]`)
}

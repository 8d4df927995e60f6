package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/viewinglog"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli"
)

// What a relay signed for the parties of a document is verified by anybody with the keys that it published: the receipt, and the
// extracts of the viewing log of sender and recipient. What was changed is not, and the checks that it fails are named.
func TestTextsAreVerified(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	status, shown := stack.Open(t, recipient.ViewingToken(t, document.EdocNum).URL)
	require.Equal(t, http.StatusOK, status, "%s", shown)
	read := institution.AwaitState(t, document.EdocNum, "READ")

	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	// Whom to trust: nobody but the relay, by the keys that it publishes.
	file("intake.json", string(stack.Anonymous().Do(t, http.MethodGet, receipt.KeySetPath, nil).Body))
	file("viewing.json", string(stack.Anonymous().Do(t, http.MethodGet, viewinglog.KeySetPath, nil).Body))
	file(bundle.TrustFile, "relays: [{name: 시험용, keys: [intake.json, viewing.json]}]\n")
	held, another := file("document.pdf", string(document.Bytes)), file("another.pdf", "another")
	verify := func(path string, args ...string) (int, *bundle.Report) {
		var out, errs bytes.Buffer
		code := cli.Main(t.Context(), append([]string{"verify", path, "--json"}, args...), &out, &errs)
		report := &bundle.Report{}
		require.NoError(t, json.Unmarshal(out.Bytes(), report), "%s", errs.String())
		return code, report
	}
	naru := func(args ...string) {
		var out, errs bytes.Buffer
		require.Equal(t, cli.ExitOK, cli.Main(t.Context(), append(args, "--endpoints", filepath.Join(stack.Dir, endpoints.FileName)), &out, &errs), "%s", errs.String())
	}
	accepted := file("receipt.txt", document.Receipt)
	ofSender, ofRecipient := filepath.Join(folder, "sender.txt"), filepath.Join(folder, "recipient.txt")
	naru("viewing-log", document.EdocNum, "--credentials", stack.Endpoints.Demo.Institution, "--out", ofSender)
	naru("viewing-log", document.EdocNum, "--person", recipient.ID, "--out", ofRecipient)

	for path, kind := range map[string]bundle.Kind{accepted: bundle.KindReceipt, ofSender: bundle.KindViewingLog, ofRecipient: bundle.KindViewingLog} {
		for _, trust := range []string{folder, filepath.Dir(stack.Endpoints.Sandbox.Authority)} {
			code, report := verify(path, "--trust", trust, "--document", held)
			require.Equal(t, cli.ExitOK, code, "%+v", report.Checks)
			require.Equal(t, kind, report.Kind)
		}
		code, report := verify(path, "--trust", folder, "--document", another)
		require.Equal(t, cli.ExitFailed, code)
		require.Equal(t, []string{map[bundle.Kind]string{bundle.KindReceipt: bundle.CheckReceiptDocument, bundle.KindViewingLog: bundle.CheckViewingLogDocument}[kind]}, report.Failed())
	}
	_, report := verify(accepted, "--trust", folder)
	require.Equal(t, document.EdocNum, report.Receipt.EdocNum)
	_, report = verify(ofSender, "--trust", folder)
	require.Len(t, report.ViewingLog.Entries, 1)
	seen := report.ViewingLog.Entries[0]
	require.Equal(t, []string{read.ReadAt, ""}, []string{seen.ReadAt, seen.Person})
	require.Equal(t, read.RecipientAddress, report.ViewingLog.RecipientAddress)
	_, report = verify(ofRecipient, "--trust", folder)
	require.NotEmpty(t, report.ViewingLog.Entries[0].Person)

	pki := filepath.Dir(stack.Endpoints.Sandbox.Authority)
	code, _ := verify(ofSender, "--trust", pki, "--report", filepath.Join(folder, "report.pdf"), "--signer", filepath.Join(pki, "requester-leaf.pem"),
		"--key", filepath.Join(pki, "requester-leaf.key"), "--time-stamps", stack.Endpoints.Sandbox.TSA+"/tsp")
	require.Equal(t, cli.ExitOK, code)
	written, err := os.ReadFile(filepath.Join(folder, "report.pdf"))
	require.NoError(t, err)
	signers, err := endpoints.Roots(filepath.Join(pki, "requester-root.pem"))
	require.NoError(t, err)
	stampers, err := endpoints.Roots(filepath.Join(pki, "tsa-root.pem"))
	require.NoError(t, err)
	judged, err := pades.Verify(written, pades.Trust{Roots: signers, TimeStamps: tsp.Trust{Roots: stampers}}, clock.System().Now())
	require.NoError(t, err)
	require.True(t, judged.Valid, "%+v", judged)

	// Another document's claims, and another signature.
	parts := strings.Split(document.Receipt, "~")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(claims, []byte(document.Hash), bytes.Repeat([]byte("0"), len(document.Hash)), 1))
	code, report = verify(file("forged.txt", strings.Join(parts, "~")), "--trust", folder)
	require.Equal(t, cli.ExitFailed, code)
	require.Equal(t, []string{bundle.CheckReceiptInclusion}, report.Failed())
	log, err := os.ReadFile(ofSender)
	require.NoError(t, err)
	other, err := os.ReadFile(ofRecipient)
	require.NoError(t, err)
	exchanged := string(log[:bytes.LastIndexByte(log, '.')]) + string(other[bytes.LastIndexByte(other, '.'):])
	code, report = verify(file("exchanged.txt", exchanged), "--trust", folder)
	require.Equal(t, cli.ExitFailed, code)
	require.Equal(t, []string{bundle.CheckViewingLogSignature}, report.Failed())
}

package cli

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/tsp/tsptest"
)

// A bundle is verified with no relay and nobody asked; the checks that failed are named.
func TestVerify(t *testing.T) {
	t.Parallel()
	const vectors, at = "../../e2e/vectors/", "2026-03-03T12:00:00+09:00"
	f := newRelay(t, nil)
	good, err := os.ReadFile(vectors + "good/submission.asice")
	require.NoError(t, err)
	changed := []byte(string(good))
	changed[len(changed)/2] ^= 1
	f.write(t, "changed.asice", string(changed))
	f.write(t, "other.pdf", "another")
	verify := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"verify", "--trust", vectors + "trust", "--at", at}, args...)...)
	}
	code, stdout, stderr := verify(vectors+"good/submission.asice", "--document", vectors+"good/document.pdf")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "presented.document")

	code, stdout, _ = verify(f.path("changed.asice"))
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stdout, "container.contents")

	code, stdout, _ = verify(vectors+"good/submission.asice", "--document", f.path("other.pdf"), "--json")
	require.Equal(t, ExitFailed, code)
	var report bundle.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Equal(t, []string{bundle.CheckPresentedDocument}, report.Failed())

	container, err := zip.NewReader(bytes.NewReader(good), int64(len(good)))
	require.NoError(t, err)
	certificate, err := fs.ReadFile(container, bundle.OriginalPath)
	require.NoError(t, err)
	f.write(t, "original.p7m", string(certificate))
	code, stdout, stderr = verify(f.path("original.p7m"), "--document", vectors+"good/document.pdf")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "original.document")

	for want, args := range map[string][]string{
		"--at wants":       {"verify", f.path("other.pdf"), "--trust", vectors + "trust", "--at", "yesterday"},
		"nobody to trust":  {"verify", f.path("other.pdf"), "--endpoints", f.path("none.json")},
		"no such file":     {"verify", f.path("none.asice"), "--trust", vectors + "trust"},
		bundle.TrustFile:   {"verify", f.path("other.pdf"), "--trust", f.dir},
		"--document: stat": {"verify", f.path("other.pdf"), "--trust", vectors + "trust", "--document", f.path("none.pdf")},
	} {
		code, _, stderr := runWith(t, nil, args...)
		require.Equal(t, ExitUsage, code, "%s: %s", want, stderr)
		require.Contains(t, stderr, want)
	}
}

// A receipt is verified by the keys that the relay published, kept in a folder of trust that names nobody else; what is wrong is
// told, and without such keys nothing is judged.
func TestVerifyReceipt(t *testing.T) {
	t.Parallel()
	const hash = "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2" // of "test\n"
	text, keySet := receiptBy(t, receipt.Claims{
		EdocNum: number, DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: hash}, RegistrationCertificateDigest: hash,
		AcceptedAt: "2026-03-02T01:02:03.000450Z", OwnKey: "own-1", Sender: "s",
	})
	_, foreign := receiptBy(t, receipt.Claims{})
	f := newRelay(t, nil)
	f.write(t, "receipt.txt", text+"\n")
	f.write(t, "doc", "test\n")
	f.write(t, "other", "another")
	f.write(t, "keys.json", keySet)
	f.write(t, "trust.yaml", "relays: [{name: 나루, keys: [keys.json]}]\n")
	verify := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"verify", f.path("receipt.txt"), "--trust", f.dir, "--rest", "http://127.0.0.1:1"}, args...)...)
	}
	code, stdout, stderr := verify("--document", f.path("doc"))
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, `VALID  "`+number+`"  accepted "2026-03-02T01:02:03.000450Z"  own key "own-1"  by 나루`)
	code, stdout, stderr = verify("--document", f.path("other"), "--json")
	require.Equal(t, ExitFailed, code, stderr)
	var report bundle.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Equal(t, []string{bundle.CheckReceiptDocument}, report.Failed())
	require.Equal(t, "own-1", report.Receipt.OwnKey)

	f.write(t, "keys.json", foreign)
	code, stdout, stderr = verify()
	require.Equal(t, ExitFailed, code, stderr)
	require.Contains(t, stdout, bundle.CheckReceiptKey)

	certificates := t.TempDir()
	require.NoError(t, os.CopyFS(certificates, os.DirFS("../../e2e/vectors/trust")))
	settings, err := os.ReadFile(filepath.Join(certificates, bundle.TrustFile))
	require.NoError(t, err)
	before, _, _ := strings.Cut(string(settings), "relays:")
	require.NoError(t, os.WriteFile(filepath.Join(certificates, bundle.TrustFile), []byte(before), 0o600))
	for folder, file := range map[string]string{certificates: f.path("receipt.txt"), f.dir: "../../e2e/vectors/good/submission.asice"} {
		code, stdout, stderr = runWith(t, nil, "verify", file, "--trust", folder)
		require.Equal(t, ExitUsage, code, stderr)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "nobody to trust is known for files of this kind")
	}
}

// The report of a verification is written beside what is printed: signed and stamped by who has the key, or saying that nobody
// signed it. What was found is told even where there is no time stamp, and then there is no file.
func TestVerifyReport(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC) // of runWith
	f, root := newRelay(t, nil), cmstest.NewRoot(t, "시험용 루트", now)
	require.NoError(t, os.CopyFS(f.path("trust"), os.DirFS("../../e2e/vectors/trust")))
	rootPEM, err := os.ReadFile(cmstest.WritePEM(t, f.dir, "root.pem", root))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.path("trust/tsa-root.pem"), rootPEM, 0o600))
	authority := tsptest.New(t, root.TimeStamper(t, "시험용 시점확인", now), func() time.Time { return now })
	signer := root.Signer(t, "시험용 검증자", now)
	f.write(t, "signer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signer.Chain[0].Raw})))
	key, err := x509.MarshalPKCS8PrivateKey(signer.Key)
	require.NoError(t, err)
	f.write(t, "signer.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	require.NoError(t, os.Mkdir(f.path("relays"), 0o700))
	f.write(t, "relays/trust.yaml", "relays: [{name: 나루, keys: [../trust/relay-keys.json]}]\n")
	text, keySet := receiptBy(t, receipt.Claims{EdocNum: number, AcceptedAt: "2026-03-02T01:02:03.000450Z", OwnKey: "own-1", Sender: "s"})
	f.write(t, "receipt.txt", text)
	f.write(t, "trust/relay-keys.json", keySet)
	good, bad := f.path("receipt.txt"), "../../e2e/vectors/bad/receipt_cut_off.txt"
	verify := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"verify", "--trust", f.path("trust"), "--json"}, args...)...)
	}
	by := []string{"--signer", f.path("signer.pem"), "--key", f.path("signer.key"), "--time-stamps", "http://127.0.0.1:1", "--time-stamps", authority.URL}
	for name, tc := range map[string]struct {
		file string
		code int
		args []string
	}{
		"signed":             {good, ExitOK, by},
		"signed, not valid":  {bad, ExitFailed, append([]string{"--language", "en"}, by...)},
		"unsigned":           {good, ExitOK, nil},
		"unsigned in Korean": {bad, ExitFailed, []string{"--language", "ko"}},
	} {
		out := f.path(strings.ReplaceAll(name, " ", "-") + ".pdf")
		code, stdout, stderr := verify(append([]string{tc.file, "--report", out}, tc.args...)...)
		require.Equal(t, tc.code, code, "%s: %s", name, stderr)
		var told, attached bundle.Report
		require.NoError(t, json.Unmarshal([]byte(stdout), &told), name)
		written, err := os.ReadFile(out)
		require.NoError(t, err, name)
		judged, err := pades.Verify(written, pades.Trust{Roots: root.Pool(), TimeStamps: tsp.Trust{Roots: root.Pool()}}, now.Add(time.Minute))
		require.NoError(t, err, name)
		require.Equal(t, strings.HasPrefix(name, "signed"), judged.Valid && len(judged.Signatures) == 1, "%s: %+v", name, judged)
		files, err := api.ExtractAttachmentsRaw(bytes.NewReader(written), "", nil, nil)
		require.NoError(t, err, name)
		require.NoError(t, json.NewDecoder(files[0]).Decode(&attached), name)
		require.Equal(t, told, attached, name)
	}
	code, stdout, stderr := verify(append([]string{good, "--report", f.path("none.pdf")}, append(by[:4:4], "--time-stamps", "http://127.0.0.1:1")...)...)
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stdout, `"valid":true`, "what was found is told")
	require.Contains(t, stderr, "the report is not written")
	require.NoFileExists(t, f.path("none.pdf"))
	code, stdout, stderr = verify(good, "--report", f.path("unsigned.pdf"))
	require.Equal(t, ExitUsage, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "left as it is")
	for want, args := range map[string][]string{
		"go together":        {"--report", f.path("x.pdf"), "--signer", f.path("signer.pem"), "--key", f.path("signer.key")},
		"names no file":      by,
		"exclude each other": {"--report", f.path("x.pdf"), "--at", "2026-03-03T12:00:00+09:00"},
		"must be one of":     {"--report", f.path("x.pdf"), "--language", "fr"},
		"private key":        append([]string{"--report", f.path("x.pdf"), "--signer", f.path("signer.pem"), "--key", f.path("root.pem")}, by[4:]...),
		"--signer: stat ":    append([]string{"--report", f.path("x.pdf"), "--signer", f.path("no.pem")}, by[2:]...),
	} {
		code, _, stderr := verify(append([]string{good}, args...)...)
		require.Equal(t, ExitUsage, code, "%s: %s", want, stderr)
		require.Contains(t, stderr, want)
		require.NoFileExists(t, f.path("x.pdf"))
	}
	code, _, stderr = runWith(t, nil, append([]string{"verify", good, "--trust", f.path("relays"), "--report", f.path("x.pdf")}, by...)...)
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stderr, "names no time-stamping authority")
}

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/requester"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// trust is whom the demo's bundles are verified by: the sandbox, by the roots in its folder.
func (w *walk) trust() (*bundle.Trust, error) {
	return bundle.LoadTrust(filepath.Dir(w.endpoints.Sandbox.Authority))
}

// assembleBundle makes the bundle where the certificates were obtained: at the sender (guide 5.1.2 3)).
func (w *walk) assembleBundle(ctx context.Context) (string, error) {
	trust, err := w.trust()
	if err != nil {
		return "", err
	}
	files := w.endpoints.Sandbox
	by := requester.Requester{Trust: trust, Clock: w.options.Clock}
	if by.Signer, err = bundle.ReadSigner(files.PKI("requester-leaf.pem"), files.PKI("requester-leaf.key")); err != nil {
		return "", err
	}
	if by.Stamper, err = requester.Authority(files.TSA+"/tsp", w.http, trust, w.options.Clock.Now); err != nil {
		return "", err
	}
	w.result.BundleFile = w.beside(bundle.Extension)
	report, err := by.Assemble(ctx, requester.Parts{Distribution: w.distribution, Original: w.original, Document: w.issuedFile}, w.result.BundleFile)
	if err != nil {
		return "", err
	}
	return told(report, w.result.BundleFile), w.keepTrust()
}

// beside is the place of another file of this run.
func (w *walk) beside(extension string) string {
	return w.issuedFile[:len(w.issuedFile)-len(".document.pdf")] + extension
}

// keepTrust copies whom the bundle is verified by, because the sandbox goes with the demo.
func (w *walk) keepTrust() error {
	w.result.TrustFolder = w.beside(".trust")
	if err := os.Mkdir(w.result.TrustFolder, 0o755); err != nil { //nolint:gosec // public
		return fmt.Errorf("keep whom to trust: %w", err)
	}
	roots, err := filepath.Glob(w.endpoints.Sandbox.PKI("*-root.pem"))
	if err != nil {
		return fmt.Errorf("keep whom to trust: %w", err)
	}
	logs, err := filepath.Glob(w.endpoints.Sandbox.PKI(pki.LogsFolder) + "/*" + journal.KeysSuffix)
	if err != nil {
		return fmt.Errorf("keep whom to trust: %w", err)
	}
	return errors.Join(
		copyInto(w.result.TrustFolder, append(roots, w.endpoints.Sandbox.PKI(bundle.TrustFile), w.endpoints.Sandbox.PKI("relay-keys.json"))),
		copyInto(filepath.Join(w.result.TrustFolder, pki.LogsFolder), logs))
}

func copyInto(folder string, files []string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // public
		return fmt.Errorf("keep whom to trust: %w", err)
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("keep whom to trust: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(path)), content, 0o644); err != nil { //nolint:gosec // public
			return fmt.Errorf("keep whom to trust: %w", err)
		}
	}
	return nil
}

func told(report *bundle.Report, file string) string {
	passed := 0
	for _, c := range report.Checks {
		if c.Outcome == proof.Passed {
			passed++
		}
	}
	return fmt.Sprintf("valid, %d of %d checks passed, stamped %s, %d bytes in %s", passed, len(report.Checks), report.EvidenceAt.UTC().Format("2006-01-02T15:04:05Z"),
		report.Size, file)
}

// requestBundle asks the relay, which is the depositor, for the bundle (guide 5.2.2 ❶).
func (w *walk) requestBundle(ctx context.Context) (string, error) {
	requested, err := w.sender.RequestBundle(ctx, &certificatev1.RequestBundleRequest{
		EdocNum: w.result.EdocNum, Reason: certificateReason, RequestId: uuid.NewString(), Form: certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE,
	})
	if err != nil {
		return "", err
	}
	w.certificate = requested.GetId()
	return fmt.Sprintf("request %s, reason %q", w.certificate, certificateReason), nil
}

// takeBundle waits until the relay has both certificates, and downloads the bundle.
func (w *walk) takeBundle(ctx context.Context) (string, error) {
	issued, err := w.sender.AwaitBundle(ctx, w.certificate)
	if err != nil {
		return "", err
	}
	w.result.CertNum = issued.GetCertNum()
	if err := os.MkdirAll(w.out, 0o755); err != nil { //nolint:gosec // the caller's own folder
		return "", fmt.Errorf("make folder for the bundle: %w", err)
	}
	if w.result.CertificateFile, w.issuedFile, err = apart(w.out, w.result.EdocNum); err != nil {
		return "", err
	}
	w.result.BundleFile = w.beside(bundle.Extension)
	file, err := os.OpenFile(w.result.BundleFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("keep the bundle: %w", err)
	}
	err = w.sender.DownloadBundle(ctx, w.certificate, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %s", w.result.CertNum, w.result.BundleFile), nil
}

// openBundle verifies the bundle as anybody can, and takes it apart: what it holds is what the sender sent.
func (w *walk) openBundle(ctx context.Context) (string, error) {
	trust, err := w.trust()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(w.result.BundleFile)
	if err != nil {
		return "", fmt.Errorf("read the bundle: %w", err)
	}
	from := bytes.NewReader(content)
	report, err := bundle.Verify(ctx, from, from.Size(), bundle.Options{Trust: trust, At: w.options.Clock.Now(), Document: w.document.Hash})
	if err != nil {
		return "", err
	}
	if !report.Valid {
		return "", &requester.InvalidError{Failed: report.Failed()}
	}
	container, err := asic.Open(from, from.Size())
	if err != nil {
		return "", err
	}
	for path, file := range map[string]string{bundle.DistributionPath: w.result.CertificateFile, bundle.DocumentPath("pdf"): w.issuedFile} {
		part, err := container.Read(path, from.Size())
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(file, part, 0o600); err != nil {
			return "", fmt.Errorf("take the bundle apart: %w", err)
		}
	}
	if w.distribution, err = container.Read(bundle.DistributionPath, from.Size()); err != nil {
		return "", err
	}
	if w.original, err = container.Read(bundle.OriginalPath, from.Size()); err != nil {
		return "", err
	}
	return told(report, w.result.BundleFile), w.keepTrust()
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli/internal/proof"
	"github.com/naru-relay/naru/services/client/document"
)

const certificateReason = "시험용 제출"

func readSecret(path string) (string, error) {
	if path == "" {
		return "", errors.New("the endpoint file does not name the viewing system's secret")
	}
	return endpoints.ReadSecret(path)
}

func (w *walk) requestCertificate(ctx context.Context) (string, error) {
	requested, err := w.sender.RequestCertificate(ctx, w.result.EdocNum, certificateReason, uuid.NewString(), "")
	if err != nil {
		return "", err
	}
	w.certificate = requested.GetId()
	return fmt.Sprintf("request %s, reason %q", w.certificate, certificateReason), nil
}

// takeCertificate waits for the certificate and writes its PDF to the output folder.
func (w *walk) takeCertificate(ctx context.Context) (string, error) {
	issued, err := w.sender.AwaitCertificate(ctx, w.certificate)
	if err != nil {
		return "", err
	}
	if w.distribution, err = w.sender.DownloadCertificate(ctx, w.certificate); err != nil {
		return "", err
	}
	if err := os.MkdirAll(w.out, 0o755); err != nil { //nolint:gosec // the caller's own folder
		return "", fmt.Errorf("make folder for the certificate: %w", err)
	}
	w.result.CertNum = issued.GetCertNum()
	if w.result.CertificateFile, w.issuedFile, err = apart(w.out, w.result.EdocNum); err != nil {
		return "", err
	}
	if err := os.WriteFile(w.result.CertificateFile, w.distribution, 0o600); err != nil {
		return "", fmt.Errorf("keep the certificate: %w", err)
	}
	return fmt.Sprintf("%s, %d bytes in %s", w.result.CertNum, len(w.distribution), w.result.CertificateFile), nil
}

// apart names the two files of a run. Every demo begins with the same document number, so a later run's have a count in their
// names and replace nothing.
func apart(folder, number string) (certificate, document string, err error) {
	name := filepath.Join(folder, number)
	for n := 2; ; n++ {
		certificate, document = name+".certificate.pdf", name+".document.pdf"
		_, one := os.Lstat(certificate)
		_, other := os.Lstat(document)
		if errors.Is(one, fs.ErrNotExist) && errors.Is(other, fs.ErrNotExist) {
			return certificate, document, nil
		}
		for _, err := range []error{one, other} {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", "", fmt.Errorf("name the files of this run: %w", err)
			}
		}
		name = filepath.Join(folder, number+"-"+strconv.Itoa(n))
	}
}

// issueDocument makes the archive issue the document with its original certificate, and compares the bytes.
func (w *walk) issueDocument(ctx context.Context) (string, error) {
	f, err := os.OpenFile(w.issuedFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("keep the issued document: %w", err)
	}
	issued, err := w.archive.Issue(ctx, w.registered.DocumentID, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	again, err := document.Open(w.issuedFile)
	if err != nil {
		return "", err
	}
	if again.Hash != w.document.Hash {
		return "", errors.New("the archive issued another document")
	}
	w.original = issued.OriginalCertificate
	return fmt.Sprintf("%d bytes, original certificate %s", again.Size, issued.OriginalCertificateNumber), nil
}

// verify checks both certificates, and that they prove the same document (guide 5.1.2 3)).
func (w *walk) verify(context.Context) (string, error) {
	now := w.options.Clock.Now()
	distribution, checks, err := proof.Distribution(w.distribution, w.hubTrust, w.result.EdocNum, w.document.Hash, now)
	w.result.Checks, w.result.Verified = checks, len(checks.Unaccepted(nil)) == 0
	if err != nil {
		return "", err
	}
	if !w.result.Verified || distribution.CertNum != w.result.CertNum {
		return "", errors.New("the distribution certificate is not what was asked for")
	}
	original, err := w.certificates.Original(w.original, now)
	if err != nil {
		return "", err
	}
	if err := original.Covers(w.document.Hash, nil); err != nil {
		return "", err
	}
	if original.RegistrationCertificateDigest != archivecert.Digest(w.registered.RegistrationCertificate) {
		return "", errors.New("the original certificate belongs to another registration")
	}
	return "signature, chain, hash, number; distribution = original = document hash", nil
}

// fetch opens a viewing URL as the button on its page does. Errors never repeat the URL, which carries a token.
func fetch(ctx context.Context, client *http.Client, url string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return nil, errors.New("the viewing URL cannot be read")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, errors.New("the viewing system does not answer")
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil || int64(len(body)) > limit {
		return nil, errors.New("what is shown did not arrive whole")
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the viewing system answered %d: %.500q", response.StatusCode, body)
	}
	return body, nil
}

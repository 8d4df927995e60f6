// Package requester assembles certificate bundles (전자증명서) at whoever needs the proof of a document that its sender registered
// at the archive itself (guide 5.1.2): the distribution certificate comes from the relay, document and original certificate
// from the archive.
package requester

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Requester assembles bundles. All fields are required.
type Requester struct {
	// Signer signs them, Stamper stamps them, Trust verifies them before they are handed out.
	Signer  bundle.Signer
	Stamper bundle.Stamper
	Trust   *bundle.Trust
	Clock   clock.Clock
}

// Parts are what a bundle is made of.
type Parts struct {
	// Distribution is the relay's file: a PDF that the hub signed.
	Distribution []byte
	// Original is the archive's certificate, DER.
	Original []byte
	// Document is the file that the archive issued. Attachments are files at hand, in the order of the registration;
	// AttachmentHashes names all of them.
	Document         string
	Attachments      []string
	AttachmentHashes []string
}

// Obtain has the archive issue the document with its original certificate (guide 5.1.2 ❸) and assembles the bundle of both and
// of the distribution certificate in p. documentID is the archive's id of the document; empty: the first registration of what
// the distribution certificate is about. The issued document goes into a temporary file beside out.
func (r Requester) Obtain(ctx context.Context, archive *archiveclient.Client, documentID string, p Parts, out string) (report *bundle.Report, err error) {
	stated, err := r.stated(p.Distribution)
	if err != nil {
		return nil, err
	}
	if documentID == "" {
		found, err := archive.FindByHash(ctx, stated.Hash)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, errors.New("the archive knows no registration of the document")
		}
		documentID = found[0].DocumentID
	}
	p.Document = out + ".document"
	issued, err := Issue(ctx, archive, documentID, p.Document)
	defer func() {
		if failure := os.Remove(p.Document); failure != nil && !errors.Is(failure, fs.ErrNotExist) {
			err = errors.Join(err, failure)
		}
	}()
	if err != nil {
		return nil, err
	}
	p.Original, p.AttachmentHashes = issued.OriginalCertificate, issued.AttachmentHashes
	return r.assemble(ctx, p, stated, out)
}

// stated reads a distribution certificate.
func (r Requester) stated(pdf []byte) (*distcert.Content, error) {
	trusted := r.Trust.Hub
	trusted.At = r.Clock.Now()
	c, _, err := distcert.Verify(pdf, trusted)
	if err != nil {
		return nil, fmt.Errorf("the distribution certificate is not good: %w", err)
	}
	if !c.Readable() {
		return nil, errors.New("the distribution certificate does not say in a form that can be read what it is about")
	}
	return &c.Content, nil
}

// Assemble writes the bundle to out, which must be a new file, and verifies it: what is not valid is not left there. The report
// is given with an error, too, if there is one.
func (r Requester) Assemble(ctx context.Context, p Parts, out string) (*bundle.Report, error) {
	stated, err := r.stated(p.Distribution)
	if err != nil {
		return nil, err
	}
	return r.assemble(ctx, p, stated, out)
}

func (r Requester) assemble(ctx context.Context, p Parts, stated *distcert.Content, out string) (*bundle.Report, error) {
	documents, err := p.documents()
	if err != nil {
		return nil, err
	}
	draft := bundle.OfCertificates(uuid.NewString(), r.Clock.Now(), p.Distribution, stated, p.Original, p.AttachmentHashes, documents...)
	made, err := bundle.Prepare(ctx, draft, r.Signer, r.Stamper)
	if err != nil {
		return nil, err
	}
	return Write(ctx, out, bundle.Options{Trust: r.Trust, At: r.Clock.Now()}, func(file io.Writer) error { return made.Write(ctx, file) })
}

// Write has a bundle written to out, which must be a new file, and verifies it: what is not valid is not left there. Without
// anybody to trust nothing is verified, and there is no report.
func Write(ctx context.Context, out string, opts bundle.Options, write func(file io.Writer) error) (report *bundle.Report, err error) {
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(out))
		}
	}()
	if err := write(file); err != nil || opts.Trust == nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	if report, err = bundle.Verify(ctx, file, size, opts); err != nil {
		return nil, err
	}
	if !report.Valid {
		return report, &InvalidError{Failed: report.Failed()}
	}
	return report, nil
}

// InvalidError says that what was assembled is not valid.
type InvalidError struct{ Failed []string }

// Error names the checks that failed.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("the bundle is not valid: %q failed", e.Failed)
}

// documents are the files of the bundle.
func (p Parts) documents() ([]bundle.Content, error) {
	document, err := fileContent(bundle.RoleDocument, bundle.DocumentPath("pdf"), p.Document)
	if err != nil {
		return nil, err
	}
	contents := []bundle.Content{document}
	for i, path := range p.Attachments {
		attachment, err := fileContent(bundle.RoleAttachment, bundle.AttachmentPath(i+1, "pdf"), path)
		if err != nil {
			return nil, err
		}
		contents = append(contents, attachment)
	}
	return contents, nil
}

func fileContent(role bundle.Role, name, path string) (bundle.Content, error) {
	open := func(context.Context) (io.ReadCloser, error) { return os.Open(path) } //nolint:gosec // the caller's own file
	file, err := os.Open(path)                                                    //nolint:gosec // the caller's own file
	if err != nil {
		return bundle.Content{}, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	measure, err := asic.MeasureOf(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return bundle.Content{}, err
	}
	return bundle.Content{Part: bundle.Part{Role: role, Path: name, MediaType: "application/pdf"}, Measure: measure, Open: open}, nil
}

// Issue has the archive issue a document with its original certificate (guide 5.1.2 ❸) into a new file.
func Issue(ctx context.Context, archive *archiveclient.Client, documentID, path string) (*archiveclient.Issued, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("keep the issued document: %w", err)
	}
	issued, err := archive.Issue(ctx, documentID, file)
	return issued, errors.Join(err, file.Close())
}

// Authority is a client of one time-stamping authority whose tokens the trust believes.
func Authority(url string, client *http.Client, trust *bundle.Trust, now func() time.Time) (*tsp.Client, error) {
	return tsp.NewClient(now, tsp.Authority{Name: "the authority", URL: url, HTTP: client, Trust: trust.TimeStamps})
}

package bundle

import (
	"bytes"
	"cmp"
	"crypto"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/distcert"
)

// derSequence is the first byte of CMS.
const derSequence = 0x30

// certificateAlone judges a file that is no bundle but a certificate by itself; false for one that begins as neither.
func (v *verification) certificateAlone(from io.ReaderAt, size int64) (bool, error) {
	begin := make([]byte, min(size, 5))
	if _, err := from.ReadAt(begin, 0); err != nil && err != io.EOF {
		return false, fmt.Errorf("read its beginning: %w", err)
	}
	switch {
	case bytes.Equal(begin, []byte("%PDF-")):
		v.report.Kind = KindDistribution
		content, err := whole(from, size, distcert.MaxBytes)
		if err != nil {
			return true, err
		}
		v.distributionAlone(content)
	case len(begin) > 0 && begin[0] == derSequence:
		v.report.Kind = KindOriginal
		content, err := whole(from, size, archivecert.MaxBytes)
		if err != nil {
			return true, err
		}
		v.archivesAlone(content)
	default:
		return false, nil
	}
	v.checkAlgorithms()
	return true, nil
}

// whole reads a small file; nothing of one that is too large, which then fails its form.
func whole(from io.ReaderAt, size, most int64) ([]byte, error) {
	if size > most {
		return nil, nil
	}
	content, err := io.ReadAll(io.NewSectionReader(from, 0, size))
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return content, nil
}

func (v *verification) distributionAlone(pdf []byte) {
	c := v.judgeDistribution(pdf, "")
	if c == nil {
		return
	}
	if !c.Readable() {
		v.notCheckable(CheckDistributionDocument, "the certificate does not say it in a form that can be read")
		v.notCheckable(CheckDistributionAttachments, "the certificate does not say it in a form that can be read")
		v.notCheckable(CheckTimes, "the certificate does not say it in a form that can be read")
		v.accepted[CheckTimes] = true
		return
	}
	b := v.report.summary()
	b.EdocNum, b.CertNum, b.SentAt, b.ReceivedAt = c.EdocNum, c.CertNum, c.SentAt.UTC(), c.ReceivedAt.UTC()
	b.Sender, b.Recipient = Party{c.Sender.Address, c.Sender.PlatformID}, Party{c.Recipient.Address, c.Recipient.PlatformID}
	if read := c.ReadAt.UTC(); !c.ReadAt.IsZero() {
		b.ReadAt = &read
	}
	v.checkCertified(c)
	if v.opts.Document != "" {
		v.hold(CheckDistributionDocument, "", c.Hash == v.opts.Document)
	}
	if len(v.opts.Attachments) > 0 {
		v.hold(CheckDistributionAttachments, "", slices.Equal(slices.Sorted(slices.Values(c.AttachmentHashes)), slices.Sorted(slices.Values(v.opts.Attachments))))
	}
}

// checkCertified holds the times of a certificate to their order: the hub certifies what has happened, and did so before now.
func (v *verification) checkCertified(c *distcert.Certificate) {
	times := []time.Time{c.SentAt, c.ReceivedAt}
	if !c.ReadAt.IsZero() {
		times = append(times, c.ReadAt)
	}
	if slices.IsSortedFunc(append(times, c.IssuedAt.Add(clocksDiffer)), time.Time.Compare) && !c.IssuedAt.After(v.at.Add(clocksDiffer)) {
		v.pass(CheckTimes)
		return
	}
	v.fail(CheckTimes, "", "the times do not follow each other")
}

// archivesAlone judges an original certificate, or a registration certificate where it is one.
func (v *verification) archivesAlone(der []byte) {
	verifier, err := v.archives()
	if err != nil {
		v.fail(CheckOriginalIssuer, "", "the trusted archives cannot be read")
		return
	}
	original, err := verifier.Original(der, v.at)
	if slices.Contains(archivecert.FailedChecks(err), archivecert.ErrKind) {
		v.report.Kind = KindRegistration
		v.registrationAlone(verifier, der)
		return
	}
	if !v.judgeOriginal(original, err, "") {
		return
	}
	if v.opts.Document != "" {
		v.holdHash(CheckOriginalDocument, "", original.Covers(v.opts.Document, original.AttachmentHashes))
	}
	if len(v.opts.Attachments) > 0 {
		v.holdHash(CheckOriginalAttachments, "", original.Covers(original.Hash, v.opts.Attachments))
	}
}

func (v *verification) registrationAlone(verifier *archivecert.Verifier, der []byte) {
	registration, err := verifier.Registration(der, v.at)
	if err != nil {
		var names []string
		for _, check := range archivecert.FailedChecks(err) {
			names = append(names, check.Name)
		}
		v.fail(CheckRegistration, "", "it does not hold: "+strings.Join(names, ", "))
		return
	}
	v.pass(CheckRegistration)
	v.uses(registration.Signer, crypto.SHA256, v.at)
	if v.opts.Document == "" && len(v.opts.Attachments) == 0 {
		return
	}
	// What was not presented is not compared.
	document, attachments := cmp.Or(v.opts.Document, registration.Hash), v.opts.Attachments
	if len(attachments) == 0 {
		attachments = registration.AttachmentHashes
	}
	_, err = registration.Covers(document, attachments)
	v.holdHash(CheckRegistrationDocument, "", err)
}

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/distcert"
)

// contents are well signed and stamped, and hold the wrong things.
func (w *world) contents() []vector {
	told := func(bend func(*story), after ...func(*story)) []byte {
		s := w.story()
		bend(s)
		return s.bundle(after...)
	}
	as := func(bend func(*story)) []byte { return told(bend) }
	later := func(bend func(*story)) []byte { return told(func(*story) {}, bend) }
	distribution := func(change func(*distcert.Content)) []byte { return as(func(s *story) { s.distribution = change }) }
	original := func(change func(*archivecert.Statement)) []byte { return as(func(s *story) { s.original = change }) }
	file := func(change func([]byte) []byte) []byte { return as(func(s *story) { s.pdf = change }) }
	another := hashOf(pdf("다른 문서"))
	presented := bad("presented_document", "the verifier holds another document", w.story().bundle(), bundle.CheckPresentedDocument)
	presented.Document = "bad/another.pdf"
	attached := bad("presented_attachments", "the verifier holds the attachments in another order", w.story().bundle(), bundle.CheckPresentedAttachments)
	attached.Attachments = []string{"good/attachment2.pdf", "good/attachment1.pdf"}
	outlived := bad("algorithm", "signed with an RSA key of 2,048 bits when that was not suitable any more", w.outlived(), bundle.CheckAlgorithms)
	outlived.At = moment(time.Date(2031, time.July, 1, 0, 0, 0, 0, time.UTC))
	outlivedRegistration := bad("algorithm_of_registration", "registration certificate signed with such a key", w.outlivedRegistration(), bundle.CheckAlgorithms)
	outlivedRegistration.At = outlived.At
	early := w.story()
	early.distribution = func(c *distcert.Content) { c.IssuedAt = readAt.Add(-5 * time.Minute) }
	pdfOf := func(s *story) []byte {
		content, _ := s.certificates()
		return content
	}
	return []vector{
		presented, attached, outlived, outlivedRegistration,
		{File: "good/distribution.pdf", About: "a distribution certificate by itself", Failed: []string{}, content: pdfOf(w.story())},
		{File: "bad/distribution_before_it_was_read.pdf", About: "a distribution certificate by itself, issued before the document was read", Failed: []string{bundle.CheckTimes}, content: pdfOf(early)},
		bad("another_document", "certificates of another document", later(func(s *story) { s.document = pdf("다른 문서") }), bundle.CheckDistributionDocument, bundle.CheckOriginalDocument),
		bad("another_attachment", "certificates of other attachments", later(func(s *story) { s.attachments[0] = pdf("다른 첨부") }), bundle.CheckDistributionAttachments, bundle.CheckOriginalAttachments),
		bad("attachment_missing", "an attachment is missing", later(func(s *story) { s.attachments = s.attachments[:1] }), bundle.CheckDistributionAttachments, bundle.CheckOriginalAttachments),
		bad("attachments_exchanged", "attachments in another order than registered", later(func(s *story) { slices.Reverse(s.attachments) }), bundle.CheckOriginalAttachments),
		bad("distribution_swapped", "distribution certificate of another document", distribution(func(c *distcert.Content) { c.EdocNum, c.Hash = "20260302_NARU000001_0000000000002", another }),
			bundle.CheckDistributionNumbers, bundle.CheckDistributionDocument),
		bad("distribution_number", "distribution certificate with another number", later(func(s *story) { s.certNum = "2026-0302-0001-0002" }), bundle.CheckDistributionNumbers),
		bad("distribution_parties", "sender and recipient exchanged in the circulation record", later(func(s *story) {
			s.circulation.Sender, s.circulation.Recipient = s.circulation.Recipient, s.circulation.Sender
		}), bundle.CheckDistributionParties),
		bad("distribution_applicant", "distribution certificate issued to somebody else", later(func(s *story) { s.applicant = recipient }), bundle.CheckDistributionParties),
		bad("distribution_relay", "another relay in the distribution certificate", distribution(func(c *distcert.Content) { c.Recipient.PlatformID = "other-01-test" }), bundle.CheckDistributionParties),
		bad("distribution_sent_at", "another time of sending", later(func(s *story) { s.circulation.SentAt = s.circulation.SentAt.Add(-time.Second) }), bundle.CheckDistributionTimes),
		bad("distribution_read_at", "read, and the distribution certificate says it was not", distribution(func(c *distcert.Content) { c.ReadAt = time.Time{} }), bundle.CheckDistributionTimes),
		bad("distribution_expired", "distribution certificate that had ended", distribution(func(c *distcert.Content) { c.IssuedAt, c.ValidUntil = at.Add(-time.Hour), at.Add(-time.Minute) }),
			bundle.CheckDistributionValidity),
		bad("distribution_not_yet_valid", "distribution certificate that had not begun", distribution(func(c *distcert.Content) { c.IssuedAt = at.Add(time.Hour) }),
			bundle.CheckDistributionValidity, bundle.CheckTimes),
		bad("distribution_foreign", "distribution certificate under another root", as(func(s *story) { s.hub = w.strange.signer(hubName) }), bundle.CheckDistributionChain),
		bad("distribution_not_the_hub", "distribution certificate by somebody else under the hub's root", as(func(s *story) { s.hub = w.hubRoot.signer("시험용 다른 허브") }), bundle.CheckDistributionIdentity),
		bad("distribution_usage", "distribution certificate signed with a certificate for something else", as(func(s *story) {
			s.hub = w.hubRoot.signer(hubName, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}), bundle.CheckDistributionChain),
		bad("distribution_signer_ended", "distribution certificate whose signer's certificate had ended", as(func(s *story) {
			s.hub = w.hubRoot.signer(hubName, validUntil(at.Add(-30*time.Second)))
		}), bundle.CheckDistributionValidity),
		bad("distribution_updated", "distribution certificate with a revision after its signature", file(updated), bundle.CheckDistributionFormat),
		bad("distribution_second_range", "distribution certificate with a second ByteRange", file(func(b []byte) []byte {
			return append(b, "\n% /ByteRange [0 1 2 3]\n"...)
		}), bundle.CheckDistributionFormat),
		bad("distribution_hidden_gap", "distribution certificate with a gap that the signature does not cover", file(gap), bundle.CheckDistributionFormat),
		bad("distribution_cut_off", "distribution certificate cut off", file(func(b []byte) []byte { return b[:len(b)-7] }), bundle.CheckDistributionFormat),
		bad("distribution_is_no_pdf", "something else in place of the distribution certificate", file(func([]byte) []byte { return []byte("no certificate") }), bundle.CheckDistributionFormat),
		bad("original_swapped", "original certificate of another document", original(func(s *archivecert.Statement) { s.Hash = another }), bundle.CheckOriginalDocument),
		bad("original_expired", "original certificate that had ended", original(func(s *archivecert.Statement) { s.ValidFrom, s.ValidUntil = at.Add(-time.Hour), at.Add(-time.Minute) }),
			bundle.CheckOriginalValidity),
		bad("original_not_yet_valid", "original certificate that had not begun", original(func(s *archivecert.Statement) { s.ValidFrom = at.Add(time.Hour) }), bundle.CheckOriginalValidity),
		bad("original_foreign", "original certificate under another root", as(func(s *story) { s.archive = w.strange.signer(archive) }), bundle.CheckOriginalChain),
		bad("original_of_another_archive", "original certificate by an archive that is not trusted, under the right root", as(func(s *story) { s.archive = w.archiveRoot.signer("시험용 다른 보관소") }),
			bundle.CheckOriginalIssuer),
		bad("original_in_another_name", "original certificate in the name of another archive", original(func(s *archivecert.Statement) { s.Issuer = "시험용 다른 보관소" }), bundle.CheckOriginalIssuer),
		bad("original_is_a_registration", "registration certificate in place of the original one", as(func(s *story) { s.registration = true }), bundle.CheckOriginalKind),
		bad("original_bytes_after", "a byte after the original certificate", as(func(s *story) { s.der = func(b []byte) []byte { return append(b, 0) } }), bundle.CheckOriginalForm),
		bad("original_digest", "content of the original certificate changed", as(func(s *story) {
			s.der = replace("O-2026-000001", "O-2026-000002")
		}), bundle.CheckOriginalSignature),
		bad("registered_after_it_was_sent", "registered at the archive after it was sent", original(func(s *archivecert.Statement) { s.RegisteredAt = receivedAt.Add(time.Minute) }), bundle.CheckTimes),
		bad("read_after_it_was_certified", "read a day after everything was stamped", as(func(s *story) { s.circulation.ReadAt = at.AddDate(0, 0, 1) }), bundle.CheckTimes),
		bad("certified_before_it_was_read", "the distribution certificate was issued before the document was read, and states when", distribution(func(c *distcert.Content) { c.IssuedAt = readAt.Add(-5 * time.Minute) }), bundle.CheckTimes),
		bad("sent_after_it_was_received", "sent after it was received", later(func(s *story) { s.circulation.SentAt = s.circulation.ReceivedAt.Add(time.Minute) }),
			bundle.CheckDistributionTimes, bundle.CheckTimes),
	}
}

// outlived is assembled years later, with a key of those days that are over.
func (w *world) outlived() []byte {
	s := w.story()
	s.distribution = func(c *distcert.Content) { c.ValidUntil = at.AddDate(9, 0, 0) }
	s.original = func(s *archivecert.Statement) { s.ValidUntil = at.AddDate(9, 0, 0) }
	s.relay = w.relayRoot.withRSA(w.relay)
	s.tsa.at = outlivedAt
	return s.bundle()
}

var outlivedAt = time.Date(2031, time.June, 1, 0, 0, 0, 0, time.UTC)

// outlivedRegistration is assembled in the same year, of a registration certificate that was signed with such a key.
func (w *world) outlivedRegistration() []byte {
	s := w.evidence()
	longer := func(s *archivecert.Statement) { s.ValidUntil = at.AddDate(9, 0, 0) }
	s.distribution = func(c *distcert.Content) { c.ValidUntil = at.AddDate(9, 0, 0) }
	s.original, s.registeredSays = longer, longer
	by := w.archiveRoot.withRSA(w.archive)
	s.registrar = &archivecert.Signer{Key: by.Key, Chain: by.Chain}
	s.tsa.at = outlivedAt
	return s.bundle()
}

// withRSA is a signer with another key, of RSA with 2,048 bits.
func (a *authority) withRSA(signer bundle.Signer) bundle.Signer {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	return bundle.Signer{Key: key, Chain: []*x509.Certificate{
		must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, signer.Chain[0], a.certificate, &key.PublicKey, a.key)))),
	}}
}

// updated appends a revision that changes the page.
func updated(pdf []byte) []byte {
	begin := bytes.LastIndex(pdf, []byte("startxref\n")) + len("startxref\n")
	end := begin + bytes.IndexByte(pdf[begin:], '\n')
	var out bytes.Buffer
	out.Write(pdf)
	object := out.Len() + 1
	out.WriteString("\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n")
	table := out.Len()
	out.WriteString("xref\n1 1\n" + tenDigits(object) + " 00000 n \ntrailer\n<< /Size 2 /Root 1 0 R /Prev ")
	out.Write(pdf[begin:end])
	out.WriteString(" >>\nstartxref\n" + digits(table) + "\n%%EOF\n")
	return out.Bytes()
}

// gap moves the end of what is signed, so that bytes between the parts belong to neither.
func gap(pdf []byte) []byte {
	at := bytes.LastIndex(pdf, []byte("/ByteRange"))
	open := at + bytes.IndexByte(pdf[at:], '[')
	closing := open + bytes.IndexByte(pdf[open:], ']')
	numbers := bytes.Fields(pdf[open+1 : closing])
	third := number(numbers[2]) + 1
	fourth := number(numbers[3]) - 1
	text := []byte("0 " + string(numbers[1]) + " " + digits(third) + " " + digits(fourth))
	out := bytes.Clone(pdf)
	copy(out[open+1:closing], append(text, bytes.Repeat([]byte{' '}, closing-open-1-len(text))...))
	return out
}

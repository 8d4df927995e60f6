package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/services/sandbox/certpdf"
)

// The times of the vectors. All of them lie in the past, and are judged as of verifiedAt.
var (
	registeredAt = time.Date(2026, 3, 2, 1, 0, 0, 123456000, time.UTC)
	sentAt       = registeredAt.Add(10 * time.Minute)
	receivedAt   = registeredAt.Add(10*time.Minute + time.Second)
	readAt       = registeredAt.Add(30 * time.Minute)
	at           = registeredAt.Add(2 * time.Hour)
	verifiedAt   = at.Add(24 * time.Hour)
)

const (
	edocNum   = "20260302_NARU000001_0000000000001"
	certNum   = "2026-0302-0001-0001"
	hubName   = "시험용 유통허브"
	archive   = "시험용 전자문서보관소"
	relayName = "시험용 중계자"
	sender    = "시험용기관"
	recipient = "시험용수신자"
	platform  = "naru-01-test"
	// otherPlatform is that of another relay, whose logs are trusted, too.
	otherPlatform = "naru-02-test"
)

// world is everybody whom the vectors' trust names, and strangers.
type world struct {
	hubRoot, archiveRoot, tsaRoot, relayRoot, strange *authority
	hub, archive, relay                               bundle.Signer
	tsa                                               stamper
	logs, otherLogs                                   relayLogs
	texts                                             relayTexts
}

func newWorld() *world {
	w := &world{
		hubRoot: newAuthority("시험용 유통허브 루트"), archiveRoot: newAuthority("시험용 보관소 루트"), tsaRoot: newAuthority("시험용 시점확인 루트"),
		relayRoot: newAuthority("시험용 중계자 루트"), strange: newAuthority("시험용 낯선 루트"), logs: newRelayLogs(platform), otherLogs: newRelayLogs(otherPlatform),
	}
	w.hub, w.archive, w.relay = w.hubRoot.signer(hubName), w.archiveRoot.signer(archive), w.relayRoot.signer(relayName)
	w.texts = newRelayTexts()
	w.tsa = stamper{signer: w.tsaRoot.signer("시험용 시점확인센터", timeStamps), at: at}
	return w
}

const trust = `# Whom the vectors are judged by. Nobody else should trust them.
assemblers:
  roots: [relay-root.pem]
  signers: ["` + relayName + `"]
time_stamps:
  roots: [tsa-root.pem]
  policies: ["1.2.3.4.1"]
hub:
  profile: naru-sandbox-hub/1
  roots_file: hub-root.pem
  subjects: ["CN=` + hubName + `,O=시험용"]
archives:
  issuers:
    - name: "` + archive + `"
      profile: naru-sandbox-archive/1
      roots: [archive-root.pem]
logs:
  folder: logs
relays:
  - name: "` + relayName + `"
    keys: [relay-keys.json]
    ended:
      - {key: "%s", at: %s}
      - {key: "%s", at: %s}
`

func (w *world) trust() []byte {
	ended := endedAt.Format(time.RFC3339)
	return fmt.Appendf(nil, trust, w.texts.ended.KeyID(), ended, w.texts.endedLogs.KeyID(), ended)
}

func (w *world) writeTrust(folder string) {
	for name, content := range map[string][]byte{
		"trust.yaml": w.trust(), "relay-keys.json": append(w.texts.keySet(), '\n'), "hub-root.pem": w.hubRoot.pem(), "archive-root.pem": w.archiveRoot.pem(), "tsa-root.pem": w.tsaRoot.pem(), "relay-root.pem": w.relayRoot.pem(),
	} {
		write(filepath.Join(folder, name), content)
	}
	w.logs.write(filepath.Join(folder, "logs"), "")
	w.otherLogs.write(filepath.Join(folder, "logs"), "other-")
}

func write(path string, content []byte) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // published
		panic(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // published
		panic(err)
	}
}

// story is a document with its certificates: what a good bundle holds, to be bent.
type story struct {
	document    []byte
	attachments [][]byte
	// leftOut is how many of them are listed and not in the bundle.
	leftOut     int
	circulation bundle.Circulation
	applicant   string
	certNum     string
	// What the certificates say, where it is something else.
	distribution func(*distcert.Content)
	original     func(*archivecert.Statement)
	// pdf and der change the certificates after they were made.
	pdf func([]byte) []byte
	der func([]byte) []byte
	// Who signs them.
	hub, archive, relay bundle.Signer
	hubSignedAt         time.Time
	// drawn has the distribution certificate drawn with pages, as the sandbox hub does.
	drawn bool
	// registration issues a registration certificate in place of the original one.
	registration bool
	tsa          stamper
	form         bundle.Form
	// Of the evidence form: its registration certificate, what that says where it is something else, and what the relay recorded,
	// which may be bent.
	registered     []byte
	registeredSays func(*archivecert.Statement)
	// registrar signs it, where it is another signer than of the original certificate.
	registrar *archivecert.Signer
	records   func(*story, []byte) *records
	bend      func(*records)
}

func (w *world) story() *story {
	return &story{
		document: pdf("시험용 안내문"), attachments: [][]byte{pdf("시험용 첨부 1"), pdf("시험용 첨부 2")},
		circulation: bundle.Circulation{
			Sender: bundle.Party{Address: sender, PlatformID: platform}, Recipient: bundle.Party{Address: recipient, PlatformID: platform},
			SentAt: sentAt, ReceivedAt: receivedAt, ReadAt: readAt,
		},
		applicant: sender, certNum: certNum, hub: w.hub, archive: w.archive, relay: w.relay, tsa: w.tsa, form: bundle.Submission, hubSignedAt: at.Add(-time.Minute),
		records: w.recorded,
	}
}

// evidence is a story for the evidence form; bend changes what the relay recorded.
func (w *world) evidence(bend ...func(*records)) *story {
	s := w.story()
	s.form = bundle.Evidence
	s.bend = func(r *records) {
		for _, change := range bend {
			change(r)
		}
	}
	return s
}

// pdf is a small file of its kind.
func pdf(text string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> /PieceInfo << /T <" + hex.EncodeToString([]byte(text)) + "> >> >>",
	} {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, table)
	return b.Bytes()
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func hashesOf(contents [][]byte) []string {
	var hashes []string
	for _, content := range contents {
		hashes = append(hashes, hashOf(content))
	}
	return hashes
}

// certificates are made about the story as it is when they are.
func (s *story) certificates() (distribution, original []byte) {
	content := distcert.Content{
		CertNum: s.certNum, EdocNum: edocNum, Title: "시험용 안내문",
		Sender:    distcert.Party{Address: s.circulation.Sender.Address, PlatformID: s.circulation.Sender.PlatformID, Name: "시험용기관"},
		Recipient: distcert.Party{Address: s.circulation.Recipient.Address, PlatformID: s.circulation.Recipient.PlatformID, Name: "홍시험"},
		SentAt:    s.circulation.SentAt, ReceivedAt: s.circulation.ReceivedAt, ReadAt: s.circulation.ReadAt,
		Hash: hashOf(s.document), AttachmentHashes: slices.Sorted(slices.Values(hashesOf(s.attachments))), Applicant: s.applicant, Reason: "시험용 제출",
		IssuedAt: at.Add(-time.Minute), ValidUntil: at.AddDate(1, 0, 0),
	}
	statement := archivecert.Statement{
		CertificateNumber: "O-2026-000001", DocumentID: "doc-1", Issuer: s.archive.Chain[0].Subject.CommonName, Owner: "시험용 나루", OnBehalfOf: sender,
		Hash: hashOf(s.document), AttachmentHashes: hashesOf(s.attachments), RegisteredAt: registeredAt, ValidFrom: at.Add(-time.Minute), ValidUntil: at.AddDate(1, 0, 0),
	}
	if s.distribution != nil {
		s.distribution(&content)
	}
	if s.original != nil {
		s.original(&statement)
	}
	if s.drawn {
		distribution = must(certpdf.Render(content, certpdf.Options{Signer: s.hub.Key, Chain: s.hub.Chain, At: s.hubSignedAt}))
	} else {
		distribution = smallCertificate(content, s.hub, s.hubSignedAt)
	}
	signer := archivecert.Signer{Key: s.archive.Key, Chain: s.archive.Chain}
	if s.registration {
		original = must(archivecert.IssueRegistration(statement, signer, at.Add(-time.Minute)))
	} else {
		digest := strings.Repeat("ab", 32)
		if s.form == bundle.Evidence {
			s.registered = s.register(statement, signer)
			digest = archivecert.Digest(s.registered)
		}
		original = must(archivecert.IssueOriginal(statement, digest, signer, at.Add(-time.Minute)))
	}
	if s.pdf != nil {
		distribution = s.pdf(distribution)
	}
	if s.der != nil {
		original = s.der(original)
	}
	return distribution, original
}

// register issues the registration certificate that the evidence form holds.
func (s *story) register(statement archivecert.Statement, signer archivecert.Signer) []byte {
	statement.CertificateNumber, statement.ValidFrom = "R-2026-000001", registeredAt
	if s.registeredSays != nil {
		s.registeredSays(&statement)
	}
	if s.registrar != nil {
		signer = *s.registrar
	}
	return must(archivecert.IssueRegistration(statement, signer, registeredAt.Add(time.Second)))
}

// draft puts the story into a bundle; change may bend it after the certificates were made.
func (s *story) draft(change ...func(*story)) bundle.Draft {
	distribution, original := s.certificates()
	for _, bend := range change {
		bend(s)
	}
	d := bundle.Draft{SignedAt: at, Statement: bundle.Statement{
		Serial: bundleSerial, Form: s.form, EdocNum: edocNum, CertNum: s.certNum, Applicant: s.applicant, Circulation: s.circulation,
	}}
	d.Contents = append(d.Contents, bundle.Bytes(bundle.RoleDocument, "document/document.pdf", "application/pdf", s.document))
	d.AttachmentHashes = hashesOf(s.attachments)
	for i, attachment := range s.attachments {
		if i >= s.leftOut {
			d.Contents = append(d.Contents, bundle.Bytes(bundle.RoleAttachment, bundle.AttachmentPath(i+1, "pdf"), "application/pdf", attachment))
		}
	}
	d.Contents = append(d.Contents,
		bundle.Bytes(bundle.RoleDistribution, "certificates/distribution.pdf", "application/pdf", distribution),
		bundle.Bytes(bundle.RoleOriginal, "certificates/original.p7m", "application/pkcs7-mime", original))
	if s.form == bundle.Evidence {
		r := s.records(s, distribution)
		s.bend(r)
		if err := d.AddEvidence(r.leading()); err != nil {
			panic(err)
		}
		if r.draft != nil {
			r.draft(&d)
		}
	}
	return d
}

func (s *story) bundle(change ...func(*story)) []byte {
	return written(must(bundle.Prepare(context.Background(), s.draft(change...), s.relay, s.tsa)))
}

func written(b *bundle.Bundle) []byte {
	var out bytes.Buffer
	if err := b.Write(context.Background(), &out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

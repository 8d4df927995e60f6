package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const (
	bundleSerial = "01a22fe7-0000-7000-8000-000000000001"
	registration = "01a22fe7-0000-7000-8000-0000000000a1"
	issuing      = "01a22fe7-0000-7000-8000-0000000000a2"
	viewing      = "01a22fe7-0000-7000-8000-0000000000c1"
	viewingToken = "01a22fe7-0000-7000-8000-0000000000c2"
	reader       = "01a22fe7-0000-7000-8000-0000000000b2"
)

// recorded is what the relay recorded of a story whose certificates are made.
func (w *world) recorded(s *story, distribution []byte) *records {
	document := &platformv1.DocumentFacts{
		EdocNum: edocNum, Sender: "01a22fe7-0000-7000-8000-0000000000b1", DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: hashOf(s.document)},
		From: partyOf(s.circulation.Sender), AcceptedAt: timestamppb.New(registeredAt.Add(-time.Minute)),
	}
	for _, hash := range hashesOf(s.attachments) {
		document.AttachmentHashes = append(document.AttachmentHashes, &platformv1.Digest{Algorithm: "SHA-256", Value: hash})
	}
	deposited := proto.CloneOf(document)
	deposited.RegistrationCertificateDigest, deposited.RegisteredAt = archivecert.Digest(s.registered), timestamppb.New(registeredAt)
	received := proto.CloneOf(deposited)
	received.Recipient, received.To, received.SentAt, received.ReceivedAt = reader, partyOf(s.circulation.Recipient), timestamppb.New(s.circulation.SentAt), timestamppb.New(s.circulation.ReceivedAt)
	answer := []byte("HTTP 200\r\nContent-Type: application/json\r\n\r\n" + `{"resultCode":1,"circulations":[{"edocNum":"` + edocNum + `","result":1}]}`)
	digest := sha256.Sum256(answer)
	fact := func(unit, subject string, at time.Time, message proto.Message) logprooftest.Fact {
		return logprooftest.Fact{Unit: unit, Subject: subject, Ordinal: 1, At: at, RecordedAt: at.Add(time.Millisecond), Message: message}
	}
	var attachments []string
	for _, hash := range hashesOf(s.attachments) {
		attachments = append(attachments, "SHA-256:"+hash)
	}
	shown, token := "SHA-256:"+hashOf(s.document), strings.Repeat("cd", 32)
	issued, opened := s.circulation.ReceivedAt.Add(time.Minute), s.circulation.ReceivedAt.Add(2*time.Minute)
	reported := s.circulation.ReadAt.Add(2 * time.Second)
	r := &records{registration: s.registered, answers: [][]byte{answer}, logs: w.logs.logs(platform), facts: []logprooftest.Fact{
		fact("intake", edocNum, registeredAt.Add(-time.Minute), &intakev1.DocumentAccepted{Facts: document}),
		fact("archive", edocNum, registeredAt.Add(time.Second), &archivev1.DocumentDeposited{Facts: deposited}),
		fact("delivery", edocNum, s.circulation.ReceivedAt, &deliveryv1.DocumentReceived{Facts: received}),
		fact("viewing", edocNum, reported, &viewingv1.DocumentRead{
			EdocNum: edocNum, Recipient: reader, ReadAt: timestamppb.New(s.circulation.ReadAt), ReportedAt: timestamppb.New(reported), Verification: viewing, ShownHash: shown,
		}),
		fact("viewing", edocNum, issued, &viewingv1.ViewingTokenIssued{
			EdocNum: edocNum, Recipient: reader, IssuedAt: timestamppb.New(issued), Jti: viewingToken, TokenDigest: token, Address: s.circulation.Recipient.Address, DocumentHash: shown,
		}),
		fact("viewing", edocNum, opened, &viewingv1.ViewingTokenVerified{
			EdocNum: edocNum, VerifiedAt: timestamppb.New(opened), Verification: viewing, Jti: viewingToken, TokenDigest: token, DocumentHash: shown,
		}),
		fact("circulation", edocNum, s.circulation.ReceivedAt.Add(time.Second), &circulationv1.CirculationRegistered{
			EdocNum: edocNum, Exchange: registration, Recipient: reader, From: partyOf(s.circulation.Sender), To: partyOf(s.circulation.Recipient),
		}),
		fact("certificate", bundleSerial, at.Add(-2*time.Minute), &certificatev1.CertificateRequested{EdocNum: edocNum}),
		fact("certificate", bundleSerial, at.Add(-2*time.Minute), &certificatev1.CertificateAccepted{
			EdocNum: edocNum, Entitlement: certificatev1.Entitlement_ENTITLEMENT_SENDER, From: s.circulation.Sender.Address, To: s.circulation.Recipient.Address,
			DocumentHash: document.GetDocumentHash(), Attachments: attachments, SentAt: timestamppb.New(s.circulation.SentAt), ReceivedAt: timestamppb.New(s.circulation.ReceivedAt),
		}),
		fact("certificate", bundleSerial, at.Add(-time.Minute), &certificatev1.CertificateAttempted{
			EdocNum: edocNum, CertNum: s.certNum, Exchange: issuing, PdfDigest: hex.EncodeToString(sum(distribution)),
		}),
		fact("hub", registration, s.circulation.ReceivedAt.Add(time.Second), &hubv1.ExchangeAnswered{Operation: "register_circulations", Outcome: "success", ResponseDigest: digest[:]}),
		fact("hub", issuing, at.Add(-time.Minute), &hubv1.ExchangeAnswered{Operation: "issue_certificate", Outcome: "success"}),
	}}
	stamped := w.tsa
	r.logs["delivery"].stamp = &stamped
	return r
}

func partyOf(p bundle.Party) *platformv1.Party {
	return &platformv1.Party{Address: p.Address, PlatformId: p.PlatformID}
}

func party(address string) *platformv1.Party {
	return &platformv1.Party{Address: address, PlatformId: platform}
}

func sum(content []byte) []byte {
	digest := sha256.Sum256(content)
	return digest[:]
}

package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/document"
	"github.com/naru-relay/naru/services/client/poll"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sample"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// platformSteps are the platform-centred path (플랫폼 중심, guide 5.2.1 and 5.2.2): the sender hands
// the document over, and the relay invites the recipient, deposits, delivers and shows it. Then an agent sends for the same
// sender.
func (w *walk) platformSteps() []step {
	return []step{
		{"준비 발송기관 등록", "operator → relay → hub", w.addInstitution},
		{"준비 시험 인물", "operator → identity provider", w.addPerson},
		{"준비 전자문서", "sender", w.hash},
		{"5.2.1 3) 전자문서 전달", "sender → relay", w.handOver},
		{"5.2.1 ① 전자증명 발송요청", "sender → relay", w.sendHandedOver},
		{"5.2.1 4)(2) 미가입 회원 가입유도", "relay → recipient's phone", w.invited},
		{"5.2.1 4)(2) 본인확인·회원가입(Join)", "recipient → relay → hub", w.join},
		{"5.2.1 ② 문서 등록", "relay → archive", w.deposited},
		{"5.2.1 4) 수신함 전달", "relay → recipient's inbox", w.receive},
		{"5.2.1 5) 본인인증·수신함 확인", "recipient → relay", w.inbox},
		{"5.2.1 5) 전자문서 열람", "recipient → relay", w.viewHere},
		{"5.2.1 ⑤ 처리상태 조회", "sender → relay", w.read},
		{"5.2.1 유통정보 등록", "relay → hub", w.hub},
		{"5.2.2 ❶ 전자증명서 발급", "sender → relay", w.requestBundle},
		{"5.2.2 ❷ 유통증명서 발급 ❸ 문서 발급", "relay → hub, archive, time-stamping authority", w.takeBundle},
		{"5.2.2 3) 전자증명서 자체 검증", "sender", w.openBundle},
		{"5.2.2 3) 증명서 자체 검증", "sender", w.verify},
		{"5.2.2 ❹ 전자증명서 유효성 검증", "receiving office → hub", w.verifyAtHub},
		{"5.2.1 송신대행자 등록", "operator → relay", w.addAgent},
		{"5.2.1 송신자 확인(발송 승인)", "agent → relay ← sender", w.authorise},
		{"5.2.1 ① 대행 발송요청", "agent → relay → recipient's inbox", w.sendForSender},
	}
}

// handOver uploads the document.
func (w *walk) handOver(ctx context.Context) (string, error) {
	upload, err := w.sender.Upload(ctx, w.document.File())
	if err != nil {
		return "", err
	}
	w.content = upload.GetId()
	return fmt.Sprintf("upload %s, %d bytes, the same SHA-256", upload.GetId(), upload.GetOffset()), nil
}

func (w *walk) sendHandedOver(ctx context.Context) (string, error) {
	trace := rest.NewTrace()
	w.result.TraceID = trace.String()
	ownKey := uuid.NewString()
	accepted, err := w.sender.Send(rest.WithTrace(ctx, trace), &intakev1.SendItem{
		OwnKey: ownKey, Recipient: w.toRecipient(), Title: sample.Title, Content: w.content, Contact: &platformv1.Contact{Phone: w.person.Phone},
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
	})
	if err != nil {
		return "", err
	}
	keys, err := w.sender.ReceiptKeys(ctx)
	if err != nil {
		return "", err
	}
	if err := relay.CheckReceipt(keys, accepted, ownKey, w.document.Hash, ""); err != nil {
		return "", err
	}
	w.result.EdocNum, w.result.AcceptedAt = accepted.GetEdocNum(), relay.Time(accepted.GetAcceptedAt())
	return fmt.Sprintf("%s accepted %s, receipt verified", w.result.EdocNum, w.result.AcceptedAt), nil
}

const depositedKind = "naru.archive.v1.DocumentDeposited"

// deposited waits until the archive keeps the document, and takes its registration certificate, which is the depositor's.
func (w *walk) deposited(ctx context.Context) (string, error) {
	var entry *statusv1.TimelineEntry
	err := poll.Until(ctx, "the deposit at the archive", func(ctx context.Context) (bool, error) {
		timeline, err := w.sender.Timeline(ctx, w.result.EdocNum)
		for _, e := range timeline.GetEntries() {
			if e.GetKind() == depositedKind {
				entry = e
			}
		}
		return entry != nil, err
	})
	if err != nil {
		return "", err
	}
	var member endpoints.ArchiveMember
	if err := endpoints.ReadJSON(w.endpoints.Sandbox.Depositor, &member); err != nil {
		return "", err
	}
	if w.archive, err = document.Archive(w.http, w.endpoints.Sandbox.Archive, member); err != nil {
		return "", err
	}
	found, err := w.archive.FindByReference(ctx, w.result.EdocNum)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the archive knows %d registrations of the document", len(found))
	}
	w.registered = &found[0]
	certificate, err := w.certificates.Registration(w.registered.RegistrationCertificate, w.options.Clock.Now())
	if err != nil {
		return "", err
	}
	if _, err := certificate.Covers(w.document.Hash, nil); err != nil {
		return "", err
	}
	if certificate.Digest != entry.GetDetails()["registrationCertificateDigest"] {
		return "", errors.New("the timeline tells another registration certificate")
	}
	return fmt.Sprintf("document %s at %s, registration certificate %s, depositor %s", w.registered.DocumentID, relay.Time(entry.GetOccurredAt()),
		certificate.CertificateNumber, certificate.Owner), nil
}

// viewHere takes a viewing token, opens the document at the relay with it, and tells that it was shown.
func (w *walk) viewHere(ctx context.Context) (string, error) {
	token, err := w.recipient.ViewingToken(ctx, w.result.EdocNum)
	if err != nil {
		return "", err
	}
	opened, err := w.recipient.OpenDocument(ctx, token.GetToken())
	if err != nil {
		return "", err
	}
	shown := sha256.New()
	media, err := w.recipient.ReadPart(ctx, opened.GetViewing(), 0, shown)
	if err != nil {
		return "", err
	}
	if hex.EncodeToString(shown.Sum(nil)) != w.document.Hash {
		return "", errors.New("what was shown is not what was sent")
	}
	if _, err := w.recipient.ConfirmShown(ctx, opened.GetViewing()); err != nil {
		return "", err
	}
	return fmt.Sprintf("viewing %s, %s of %d bytes shown, the same SHA-256", opened.GetViewing(), media, opened.GetParts()[0].GetSize()), nil
}

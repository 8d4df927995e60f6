package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sample"
	"github.com/naru-relay/naru/services/client/sandbox"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// Model is a model of the guide.
type Model string

// The models, and both one after the other. The last one's result is the demo's.
const (
	System   Model = "system"
	Platform Model = "platform"
	Both     Model = "both"
)

// paths are the steps of a model.
func (w *walk) paths(m Model) [][]step {
	switch m {
	case System:
		return [][]step{w.systemSteps()}
	case Platform:
		return [][]step{w.platformSteps()}
	case Both:
		return [][]step{w.platformSteps(), w.systemSteps()}
	default:
		return nil
	}
}

// systemSteps are the system-centred path (시스템 중심) in the guide's order, with the guide's names.
func (w *walk) systemSteps() []step {
	return []step{
		{"준비 발송기관 등록", "operator → relay → hub", w.addInstitution},
		{"준비 열람시스템 등록", "operator → relay", w.addViewingSystem},
		{"준비 센터 회원가입", "sender → archive", w.addMember},
		{"준비 시험 인물", "operator → identity provider", w.addPerson},
		{"준비 본인확인·회원가입(Join)", "recipient → relay → hub", w.join},
		{"준비 전자문서", "sender", w.hash},
		{"5.1.1 ❶ 문서 등록(SubmitDocument)", "sender → archive", w.register},
		{"5.1.1 ❷ 열람 전자문서 저장", "sender → viewing system", w.store},
		{"5.1.1 ❸ 전자문서 발송 요청", "sender → relay", w.send},
		{"5.1.1 4) 수신함 전달", "relay → recipient's inbox", w.receive},
		{"5.1.1 5) 본인인증·수신함 확인", "recipient → relay", w.inbox},
		{"5.1.1 ❹ 열람인증토큰 발급", "recipient → relay", w.issueToken},
		{"5.1.1 ❺ 전자문서 열람 요청", "recipient → viewing system", w.view},
		{"5.1.1 ❻ 열람인증토큰 검증", "viewing system → relay", w.checkView},
		{"5.1.1 7) 열람 결과", "viewing system → relay", w.read},
		{"5.1.1 7) 유통정보 등록", "relay → hub", w.hub},
		{"5.1.2 ❶ 유통증명서 발급요청", "sender → relay", w.requestCertificate},
		{"5.1.2 ❷ 유통증명서 발급", "relay → hub", w.takeCertificate},
		{"5.1.2 ❸ 문서 발급", "sender → archive", w.issueDocument},
		{"5.1.2 3) 증명서 자체 검증", "sender", w.verify},
		{"5.1.2 3) 전자증명서 묶음", "sender → time-stamping authority", w.assembleBundle},
		{"5.1.2 ❹ 전자증명 유효성 검증", "receiving office → hub", w.verifyAtHub},
	}
}

func (w *walk) register(ctx context.Context) (string, error) {
	var err error
	if w.registered, err = w.document.Register(ctx, w.archive); err != nil {
		return "", err
	}
	certificate, err := w.certificates.Registration(w.registered.RegistrationCertificate, w.options.Clock.Now())
	if err != nil {
		return "", err
	}
	if _, err := certificate.Covers(w.document.Hash, nil); err != nil {
		return "", err
	}
	return fmt.Sprintf("document %s, registration certificate %s", w.registered.DocumentID, certificate.CertificateNumber), nil
}

func (w *walk) store(ctx context.Context) (string, error) {
	secret, err := readSecret(w.endpoints.Sandbox.ViewingSecret)
	if err != nil {
		return "", err
	}
	door, err := rest.New(rest.Options{BaseURL: w.endpoints.Sandbox.Viewing, HTTP: w.http})
	if err != nil {
		return "", err
	}
	w.viewingURL, err = w.document.Store(ctx, door.WithBearer(secret), w.toRecipient(), archivecert.Digest(w.registered.RegistrationCertificate))
	return w.viewingURL, err
}

func (w *walk) send(ctx context.Context) (string, error) {
	trace := rest.NewTrace()
	w.result.TraceID = trace.String()
	ownKey := uuid.NewString()
	accepted, err := w.sender.Send(rest.WithTrace(ctx, trace), &intakev1.SendItem{
		OwnKey: ownKey, Recipient: w.toRecipient(), Title: sample.Title,
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
		DocumentHash: w.document.Digest(), Viewing: &intakev1.Viewing{Url: w.viewingURL, ViewingSystem: w.viewingSystem},
		RegistrationCertificate: w.registered.RegistrationCertificate,
	})
	if err != nil {
		return "", err
	}
	keys, err := w.sender.ReceiptKeys(ctx)
	if err != nil {
		return "", err
	}
	if err := relay.CheckReceipt(keys, accepted, ownKey, w.document.Hash, archivecert.Digest(w.registered.RegistrationCertificate)); err != nil {
		return "", err
	}
	w.result.EdocNum, w.result.AcceptedAt = accepted.GetEdocNum(), relay.Time(accepted.GetAcceptedAt())
	return fmt.Sprintf("%s accepted %s, receipt verified", w.result.EdocNum, w.result.AcceptedAt), nil
}

func (w *walk) receive(ctx context.Context) (string, error) {
	status, err := w.sender.AwaitStatus(ctx, w.result.EdocNum, "the receipt", func(s *statusv1.DocumentStatus) bool {
		return s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_RECEIVED || s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_READ
	})
	if err != nil {
		return "", err
	}
	if status.GetRecipientAddress() != w.result.RecipientAddress {
		return "", errors.New("status tells another recipient's address")
	}
	w.result.SentAt, w.result.ReceivedAt = relay.Time(status.GetSentAt()), relay.Time(status.GetReceivedAt())
	return fmt.Sprintf("sent %s, received %s", w.result.SentAt, w.result.ReceivedAt), nil
}

func (w *walk) inbox(ctx context.Context) (string, error) {
	session, err := w.prove(ctx)
	if err != nil {
		return "", err
	}
	if !session.GetMember() || session.GetAddress() != w.result.RecipientAddress {
		return "", errors.New("the session does not know the member")
	}
	items, err := w.recipient.Inbox(ctx)
	if err != nil {
		return "", err
	}
	for _, item := range items {
		if item.GetEdocNum() != w.result.EdocNum {
			continue
		}
		if item.GetTitle() != sample.Title || relay.Time(item.GetReceivedAt()) != w.result.ReceivedAt {
			return "", errors.New("the inbox tells another title or time")
		}
		return fmt.Sprintf("%d in the inbox, from %s: %s", len(items), item.GetSenderAddress(), item.GetTitle()), nil
	}
	return "", errors.New("the document is not in the inbox")
}

func (w *walk) issueToken(ctx context.Context) (string, error) {
	var err error
	if w.token, err = w.recipient.ViewingToken(ctx, w.result.EdocNum); err != nil {
		return "", err
	}
	return fmt.Sprintf("token of %d characters, good until %s", len(w.token.GetToken()), relay.Time(w.token.GetExpiresAt())), nil
}

// maxShownBytes limits the answer of the viewing system.
const maxShownBytes = 64 << 20

func (w *walk) view(ctx context.Context) (string, error) {
	shown, err := fetch(ctx, w.http, w.token.GetUrl(), maxShownBytes)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(shown)
	if hex.EncodeToString(digest[:]) != w.document.Hash {
		return "", errors.New("what was shown is not what was sent")
	}
	return fmt.Sprintf("%d bytes shown, the same SHA-256", len(shown)), nil
}

func (w *walk) checkView(ctx context.Context) (string, error) {
	operator, err := sandbox.Operator(w.endpoints.Sandbox, w.http, w.endpoints.Sandbox.Viewing)
	if err != nil {
		return "", err
	}
	views, intact, err := sandbox.Views(ctx, operator)
	if err != nil {
		return "", err
	}
	if !intact {
		return "", errors.New("the chain of the viewing system's log is broken")
	}
	for _, v := range views {
		if v.EdocNum == w.result.EdocNum && v.Outcome == "SHOW" && v.VerificationID != "" {
			return fmt.Sprintf("verification %s at %s, log chain intact", v.VerificationID, v.VerifiedAt.UTC().Format(relay.TimeLayout)), nil
		}
	}
	return "", errors.New("the viewing system's log holds no verified view of the document")
}

func (w *walk) read(ctx context.Context) (string, error) {
	status, err := w.sender.AwaitStatus(ctx, w.result.EdocNum, "the read report", func(s *statusv1.DocumentStatus) bool {
		return s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_READ
	})
	if err != nil {
		return "", err
	}
	w.result.ReadAt = relay.Time(status.GetReadAt())
	return "read " + w.result.ReadAt, nil
}

func registered(result int32) bool { return result == 1 || result == 2 }

func (w *walk) hub(ctx context.Context) (string, error) {
	status, err := w.sender.AwaitStatus(ctx, w.result.EdocNum, "both registrations at the hub", func(s *statusv1.DocumentStatus) bool {
		return registered(s.GetHub().GetRegistrationResult()) && registered(s.GetHub().GetReadTimeResult())
	})
	if err != nil {
		return "", err
	}
	operator, err := sandbox.Operator(w.endpoints.Sandbox, w.http, w.endpoints.Sandbox.Hub)
	if err != nil {
		return "", err
	}
	held, err := sandbox.HeldCirculation(ctx, operator, w.result.EdocNum)
	if err != nil {
		return "", err
	}
	switch {
	case held.ContentHash != w.document.Hash || held.RecvEaddr != w.result.RecipientAddress:
		return "", errors.New("the hub holds another hash or recipient")
	case held.SendDate != hubDate(w.result.SentAt) || held.RecvDate != hubDate(w.result.ReceivedAt):
		return "", errors.New("the hub holds other sent or received times")
	case held.ReadDate == nil || *held.ReadDate != hubDate(w.result.ReadAt):
		return "", errors.New("the hub holds no or another read time")
	}
	w.result.HubRegistered = true
	return fmt.Sprintf("result codes %d and %d; the hub holds sent %s, received %s, read %s (KST)",
		status.GetHub().GetRegistrationResult(), status.GetHub().GetReadTimeResult(), held.SendDate, held.RecvDate, *held.ReadDate), nil
}

// hubDate formats one of our times as the hub does. An unreadable time becomes "?", which equals no date of the hub.
func hubDate(ours string) string {
	at, err := time.Parse(relay.TimeLayout, ours)
	if err != nil {
		return "?"
	}
	return sandbox.HubDate(at)
}

// verifyAtHub does what a receiving office does: it asks the hub to verify the two certificates and the document.
func (w *walk) verifyAtHub(ctx context.Context) (string, error) {
	door, err := rest.New(rest.Options{BaseURL: w.endpoints.Sandbox.Hub, HTTP: w.http})
	if err != nil {
		return "", err
	}
	issued, err := endpoints.ReadUpTo(w.issuedFile, maxShownBytes)
	if err != nil {
		return "", err
	}
	verdict, err := sandbox.VerifyPair(ctx, door, w.distribution, w.original, bytes.NewReader(issued))
	if err != nil {
		return "", err
	}
	passed := 0
	var failed []error
	for _, check := range verdict.Checks {
		if check.Passed {
			passed++
			continue
		}
		failed = append(failed, fmt.Errorf("%s %s", check.Name, check.Detail))
	}
	if !verdict.Valid || passed == 0 {
		return "", fmt.Errorf("the hub does not find the pair valid: %w", errors.Join(failed...))
	}
	return fmt.Sprintf("valid, %d of %d checks passed", passed, len(verdict.Checks)), nil
}

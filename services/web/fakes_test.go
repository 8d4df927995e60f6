package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// fakeViewing proves whoever a code names.
type fakeViewing struct {
	viewingv1.UnimplementedSessionServiceServer
	viewingv1.UnimplementedViewingTokenServiceServer
	viewingv1.UnimplementedHostedViewingServiceServer
	viewingv1.UnimplementedAccessServiceServer
	token  func(person string) string
	acting func(organisation, person string) string
	now    func() time.Time
	// rights are the scopes of whoever acts for the organisation.
	rights func() []string

	mu    sync.Mutex
	shown int
	read  []*viewingv1.ReadPartRequest
}

func (f *fakeViewing) StartSession(context.Context, *viewingv1.StartSessionRequest) (*viewingv1.StartSessionResponse, error) {
	state := uuid.NewString()
	return &viewingv1.StartSessionResponse{AuthorizationUrl: "https://idp.example/authorize?state=" + state, State: state}, nil
}

func (f *fakeViewing) CompleteSession(_ context.Context, r *viewingv1.CompleteSessionRequest) (*viewingv1.CompleteSessionResponse, error) {
	if uuid.Validate(r.GetCode()) != nil {
		return nil, fault.New(fault.Denied, "viewing", viewingv1.Reason_REASON_IDENTITY_REFUSED, "no")
	}
	return &viewingv1.CompleteSessionResponse{SessionToken: f.token(r.GetCode()), ExpiresAt: timestamppb.New(f.now().Add(10 * time.Minute)), Member: true}, nil
}

func (f *fakeViewing) ActForOrganisation(ctx context.Context, r *viewingv1.ActForOrganisationRequest) (*viewingv1.ActForOrganisationResponse, error) {
	p, _ := authn.FromContext(ctx)
	return &viewingv1.ActForOrganisationResponse{SessionToken: f.acting(r.GetOrganisation(), p.ID), Member: true, Scopes: f.rights()}, nil
}

// ListAccesses has two pages.
func (f *fakeViewing) ListAccesses(ctx context.Context, r *viewingv1.ListAccessesRequest) (*viewingv1.ListAccessesResponse, error) {
	p, _ := authn.FromContext(ctx)
	if r.GetPageToken() == "" {
		return &viewingv1.ListAccessesResponse{NextPageToken: secondPage, Accesses: []*viewingv1.Access{
			{Id: "a-1", Kind: viewingv1.AccessKind_ACCESS_KIND_VIEWED, At: timestamppb.Now(), Person: person, EdocNum: there, ViewedAt: timestamppb.Now()},
			{Id: "a-2", Kind: viewingv1.AccessKind_ACCESS_KIND_ACTED, At: timestamppb.Now(), Person: p.ActedBy(), Organisation: organisation},
		}}, nil
	}
	return &viewingv1.ListAccessesResponse{Accesses: []*viewingv1.Access{
		{Id: "a-3", Kind: viewingv1.AccessKind_ACCESS_KIND_SIGNED_IN, At: timestamppb.Now(), Person: p.ActedBy()},
	}}, nil
}

func (f *fakeViewing) ExtractViewingLog(_ context.Context, r *viewingv1.ExtractViewingLogRequest) (*viewingv1.ExtractViewingLogResponse, error) {
	return &viewingv1.ExtractViewingLogResponse{Extract: "eyJ." + r.GetEdocNum()}, nil
}

func (f *fakeViewing) IssueViewingToken(_ context.Context, r *viewingv1.IssueViewingTokenRequest) (*viewingv1.IssueViewingTokenResponse, error) {
	answer := &viewingv1.IssueViewingTokenResponse{Token: plantedToken, ExpiresAt: timestamppb.Now()}
	if r.GetEdocNum() == there {
		answer.Url = "https://viewing.example/show?token=" + plantedToken
	}
	return answer, nil
}

const viewingID = "0193c3a0-0000-7000-8000-000000000001"

func (f *fakeViewing) OpenDocument(context.Context, *viewingv1.OpenDocumentRequest) (*viewingv1.OpenDocumentResponse, error) {
	return &viewingv1.OpenDocumentResponse{Viewing: viewingID, EdocNum: here, ExpiresAt: timestamppb.Now(), Parts: []*viewingv1.ViewingPart{
		{Part: 0, FileName: plantedFile, MediaType: "application/pdf", Size: 9},
		{Part: 1, FileName: "attached.txt", MediaType: "text/html", Size: 9},
	}}, nil
}

func (f *fakeViewing) ReadPart(r *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error {
	f.mu.Lock()
	f.read = append(f.read, r)
	f.mu.Unlock()
	kind := "application/pdf"
	if r.GetPart() == 1 {
		kind = "text/html"
	}
	if err := stream.Send(&viewingv1.ReadPartResponse{Chunk: &platformv1.ContentChunk{
		Header: &platformv1.ContentHeader{FileName: "a\r\nSet-Cookie: x=1/" + plantedFile, MediaType: kind, Size: 9}, Data: []byte("%PDF-"),
	}}); err != nil {
		return err
	}
	return stream.Send(&viewingv1.ReadPartResponse{Chunk: &platformv1.ContentChunk{Data: []byte("rest")}})
}

func (f *fakeViewing) ConfirmShown(context.Context, *viewingv1.ConfirmShownRequest) (*viewingv1.ConfirmShownResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown++
	return &viewingv1.ConfirmShownResponse{}, nil
}

// fakeAddress keeps memberships by recipient, and whether authorities are in force.
type fakeAddress struct {
	addressv1.UnimplementedMembershipServiceServer
	addressv1.UnimplementedOrganisationServiceServer
	addressv1.UnimplementedAddressServiceServer
	mu      sync.Mutex
	members map[string]*addressv1.Membership
	ended   bool
	refused []string
	// role of everybody for the organisation; representative if it is none.
	role addressv1.AuthorityRole
	// scopes of everybody for the organisation; all if there are none.
	scopes []string
	// renamed is the last change of the organisation that was entered.
	renamed *addressv1.ChangeOrganisationRequest
	// given are the rights that were given last.
	given []addressv1.AuthorityRight
}

// rights are the scopes of whoever acts for the organisation.
func (f *fakeAddress) rights() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scopes == nil {
		return authn.Scopes(platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT)
	}
	return f.scopes
}

func (f *fakeAddress) Join(ctx context.Context, r *addressv1.JoinRequest) (*addressv1.JoinResponse, error) {
	p, _ := authn.FromContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[p.ID] = &addressv1.Membership{
		Address: "member-1", State: addressv1.MemberState_MEMBER_STATE_ACTIVE, TermsVersion: r.GetTermsVersion(), JoinedAt: timestamppb.Now(), ConsentedAt: timestamppb.Now(),
	}
	return &addressv1.JoinResponse{}, nil
}

func (f *fakeAddress) GetMembership(ctx context.Context, _ *addressv1.GetMembershipRequest) (*addressv1.GetMembershipResponse, error) {
	p, _ := authn.FromContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members[p.ID] == nil {
		return nil, fault.New(fault.NotFound, "address", addressv1.Reason_REASON_NOT_A_MEMBER, "no member")
	}
	return &addressv1.GetMembershipResponse{Membership: f.members[p.ID]}, nil
}

func (f *fakeAddress) TellNameAgain(ctx context.Context, _ *addressv1.TellNameAgainRequest) (*addressv1.TellNameAgainResponse, error) {
	p, _ := authn.FromContext(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[p.ID].NameChange.State = addressv1.NameChangeState_NAME_CHANGE_STATE_ASKED
	return &addressv1.TellNameAgainResponse{Membership: f.members[p.ID]}, nil
}

func (f *fakeAddress) ChangeOrganisation(_ context.Context, r *addressv1.ChangeOrganisationRequest) (*addressv1.ChangeOrganisationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renamed = r
	return &addressv1.ChangeOrganisationResponse{}, nil
}

func (f *fakeAddress) GetOwnData(context.Context, *addressv1.GetOwnDataRequest) (*addressv1.GetOwnDataResponse, error) {
	first := time.Now().AddDate(0, 0, -40) //nolint:forbidigo // the bench's clock starts now
	return &addressv1.GetOwnDataResponse{Persons: []*addressv1.ProvedPerson{
		{Name: plantedName, BirthDate: "19900131", Phone: plantedPhone, RecordedAt: timestamppb.Now()},
		{Name: plantedName, BirthDate: "19900131", Phone: "01000000000", RecordedAt: timestamppb.New(first)},
	}}, nil
}

func (f *fakeAddress) SetConsent(context.Context, *addressv1.SetConsentRequest) (*addressv1.SetConsentResponse, error) {
	return &addressv1.SetConsentResponse{}, nil
}

func (f *fakeAddress) SetRefusal(_ context.Context, r *addressv1.SetRefusalRequest) (*addressv1.SetRefusalResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, r.GetSender())
	return &addressv1.SetRefusalResponse{}, nil
}

func (f *fakeAddress) Withdraw(context.Context, *addressv1.WithdrawRequest) (*addressv1.WithdrawResponse, error) {
	return &addressv1.WithdrawResponse{}, nil
}

const (
	organisation = "0193c3a0-0000-7000-8000-000000000009"
	authority    = "0193c3a0-0000-7000-8000-000000000019"
	// person acts for the organisation.
	person = "0193c3a0-0000-7000-8000-000000000029"
)

func (f *fakeAddress) ListOrganisations(context.Context, *addressv1.ListOrganisationsRequest) (*addressv1.ListOrganisationsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	role := f.role
	if role == addressv1.AuthorityRole_AUTHORITY_ROLE_UNSPECIFIED {
		role = addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE
	}
	return &addressv1.ListOrganisationsResponse{Organisations: []*addressv1.RepresentedOrganisation{
		{Organisation: organisation, Name: "시험용 회사", Role: role},
	}}, nil
}

func (f *fakeAddress) ListAuthorities(context.Context, *addressv1.ListAuthoritiesRequest) (*addressv1.ListAuthoritiesResponse, error) {
	return &addressv1.ListAuthoritiesResponse{Authorities: []*addressv1.Authority{{
		Id: authority, Name: plantedName, Person: person, Role: addressv1.AuthorityRole_AUTHORITY_ROLE_AUTHORISED,
		Rights: []addressv1.AuthorityRight{addressv1.AuthorityRight_AUTHORITY_RIGHT_LOOK}, GrantedAt: timestamppb.Now(),
	}}}, nil
}

func (f *fakeAddress) AuthorisePerson(_ context.Context, r *addressv1.AuthorisePersonRequest) (*addressv1.AuthorisePersonResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.given = r.GetRights()
	return &addressv1.AuthorisePersonResponse{}, nil
}

func (f *fakeAddress) SetRights(_ context.Context, r *addressv1.SetRightsRequest) (*addressv1.SetRightsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.given = r.GetRights()
	return &addressv1.SetRightsResponse{}, nil
}

func (f *fakeAddress) TakeAuthority(context.Context, *addressv1.TakeAuthorityRequest) (*addressv1.TakeAuthorityResponse, error) {
	f.mu.Lock()
	ended := f.ended
	f.mu.Unlock()
	if ended {
		return nil, fault.New(fault.Denied, "address", addressv1.Reason_REASON_NOT_AUTHORISED, "no authority")
	}
	return &addressv1.TakeAuthorityResponse{Scopes: f.rights()}, nil
}

// fakeInbox has the two documents.
type fakeInbox struct {
	deliveryv1.UnimplementedInboxServiceServer
}

func items() []*deliveryv1.InboxItem {
	return []*deliveryv1.InboxItem{
		{EdocNum: here, Title: plantedTitle, SenderAddress: "sender-1", ReceivedAt: timestamppb.Now(), ViewingMode: platformv1.ViewingMode_VIEWING_MODE_RELAY, Attachments: 1},
		{EdocNum: there, Title: "<script>alert(1)</script>", SenderAddress: "sender-2", ReceivedAt: timestamppb.Now(), ViewingMode: platformv1.ViewingMode_VIEWING_MODE_SENDER},
	}
}

// secondPage is the token of every list's second page, which is its last.
const secondPage = "next+page"

// nextOf is the token of the page after the one that a token stands for.
func nextOf(token string) string {
	if token == secondPage {
		return ""
	}
	return secondPage
}

func (f *fakeInbox) ListInbox(_ context.Context, r *deliveryv1.ListInboxRequest) (*deliveryv1.ListInboxResponse, error) {
	return &deliveryv1.ListInboxResponse{Items: items(), NextPageToken: nextOf(r.GetPageToken())}, nil
}

func (f *fakeInbox) GetInboxItem(_ context.Context, r *deliveryv1.GetInboxItemRequest) (*deliveryv1.GetInboxItemResponse, error) {
	for _, item := range items() {
		if item.GetEdocNum() == r.GetEdocNum() {
			return &deliveryv1.GetInboxItemResponse{Item: item}, nil
		}
	}
	return nil, fault.New(fault.NotFound, "delivery", deliveryv1.Reason_REASON_ITEM_NOT_FOUND, "not here")
}

// fakeCertificates issues one at once.
type fakeCertificates struct {
	certificatev1.UnimplementedCertificateServiceServer
}

const certificateID = "0193c3a0-0000-7000-8000-000000000005"

func certificate() *certificatev1.Certificate {
	return &certificatev1.Certificate{
		Id: certificateID, EdocNum: here, State: certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, RequestedAt: timestamppb.Now(), CertNum: "2026-1130-0000-0001",
	}
}

func (f *fakeCertificates) ListCertificates(context.Context, *certificatev1.ListCertificatesRequest) (*certificatev1.ListCertificatesResponse, error) {
	return &certificatev1.ListCertificatesResponse{Certificates: []*certificatev1.Certificate{certificate()}}, nil
}

func (f *fakeCertificates) RequestCertificate(context.Context, *certificatev1.RequestCertificateRequest) (*certificatev1.RequestCertificateResponse, error) {
	return &certificatev1.RequestCertificateResponse{Certificate: certificate()}, nil
}

func (f *fakeCertificates) GetCertificate(_ context.Context, r *certificatev1.GetCertificateRequest) (*certificatev1.GetCertificateResponse, error) {
	got := certificate()
	got.Id = r.GetId()
	return &certificatev1.GetCertificateResponse{Certificate: got}, nil
}

func (f *fakeCertificates) DownloadCertificate(context.Context, *certificatev1.DownloadCertificateRequest) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "application/pdf", Data: []byte("%PDF-1.7")}, nil
}

// bundleID is the request of a bundle; that of certificateID is for a certificate alone.
const bundleID = "0193c3a0-0000-7000-8000-000000000006"

// fakeBundles issues one at once.
type fakeBundles struct {
	certificatev1.UnimplementedBundleServiceServer
	certificatev1.UnimplementedVerificationServiceServer
}

func (f *fakeBundles) RequestBundle(context.Context, *certificatev1.RequestBundleRequest) (*certificatev1.RequestBundleResponse, error) {
	return &certificatev1.RequestBundleResponse{Bundle: &certificatev1.Bundle{Id: bundleID}}, nil
}

func (f *fakeBundles) GetBundle(_ context.Context, r *certificatev1.GetBundleRequest) (*certificatev1.GetBundleResponse, error) {
	if r.GetId() != bundleID {
		return nil, fault.New(fault.NotFound, "certificate", certificatev1.Reason_REASON_BUNDLE_NOT_FOUND, "no bundle")
	}
	return &certificatev1.GetBundleResponse{Bundle: &certificatev1.Bundle{Id: bundleID, State: certificatev1.BundleState_BUNDLE_STATE_ISSUED}}, nil
}

func (f *fakeBundles) DownloadBundle(_ *certificatev1.DownloadBundleRequest, stream grpc.ServerStreamingServer[certificatev1.DownloadBundleResponse]) error {
	if err := stream.Send(&certificatev1.DownloadBundleResponse{Chunk: &platformv1.ContentChunk{
		Header: &platformv1.ContentHeader{FileName: "bundle.asice", MediaType: "application/vnd.etsi.asic-e+zip", Size: 6}, Data: []byte("PK\x03\x04"),
	}}); err != nil {
		return err
	}
	return stream.Send(&certificatev1.DownloadBundleResponse{Chunk: &platformv1.ContentChunk{Data: []byte("..")}})
}

func (f *fakeBundles) GetVerificationLimits(context.Context, *certificatev1.GetVerificationLimitsRequest) (*certificatev1.GetVerificationLimitsResponse, error) {
	return &certificatev1.GetVerificationLimitsResponse{FileBytes: 1 << 20, SignedReports: true}, nil
}

// VerifyFile finds a file valid that begins like a container, and says which check another one fails.
func (f *fakeBundles) VerifyFile(stream grpc.ClientStreamingServer[certificatev1.VerifyFileRequest, certificatev1.VerifyFileResponse]) error {
	var file, signed []byte
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		file = append(file, r.GetData()...)
		if r.GetSignedReport() {
			signed = []byte("%PDF-1.7")
		}
	}
	check := &certificatev1.ValidationCheck{Id: "container.form", Outcome: certificatev1.CheckOutcome_CHECK_OUTCOME_FAILED, Korean: "컨테이너가 아닙니다.", English: "It is no container."}
	report := &certificatev1.ValidationReport{SignedReport: signed, Checks: []*certificatev1.ValidationCheck{check}}
	if bytes.HasPrefix(file, []byte("PK")) {
		check.Outcome, report.Valid, report.Bundle = certificatev1.CheckOutcome_CHECK_OUTCOME_PASSED, true, &certificatev1.BundleSummary{EdocNum: here}
	}
	switch moment := timestamppb.New(time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)); string(file) {
	case "a receipt":
		report.Receipt = &certificatev1.ReceiptSummary{EdocNum: here, Relay: "시험용 중계자", AcceptedAt: moment}
	case "a log":
		report.ViewingLog = &certificatev1.ViewingLogSummary{EdocNum: here, Relay: "시험용 중계자", MadeAt: moment, ReadAt: moment}
	case "a stranger's":
		return fault.New(fault.Conflict, "certificate", certificatev1.Reason_REASON_KIND_NOT_OFFERED, "nobody is trusted")
	}
	return stream.SendAndClose(&certificatev1.VerifyFileResponse{Report: report})
}

// held is a file that fakeContent keeps.
type held struct {
	upload  *contentv1.Upload
	content bytes.Buffer
}

// fakeContent keeps uploads; one of a few bytes is refused.
type fakeContent struct {
	contentv1.UnimplementedUploadServiceServer
	mu    sync.Mutex
	files map[string]*held
	// asked counts questions for the limits.
	asked atomic.Int64
}

func (f *fakeContent) GetUploadLimits(context.Context, *contentv1.GetUploadLimitsRequest) (*contentv1.GetUploadLimitsResponse, error) {
	f.asked.Add(1)
	return &contentv1.GetUploadLimitsResponse{FileBytes: 1 << 20}, nil
}

func (f *fakeContent) CreateUpload(_ context.Context, r *contentv1.CreateUploadRequest) (*contentv1.CreateUploadResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	made := &held{upload: &contentv1.Upload{Id: uuid.NewString(), State: contentv1.UploadState_UPLOAD_STATE_RECEIVING, Size: r.GetSize(), Hash: r.GetHash(), FileName: r.GetFileName()}}
	f.files[made.upload.GetId()] = made
	return &contentv1.CreateUploadResponse{Upload: made.upload}, nil
}

func (f *fakeContent) AppendUpload(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
	var to *held
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		if to == nil {
			to = f.files[r.GetId()]
			if to == nil || r.GetOffset() != to.upload.GetOffset() {
				f.mu.Unlock()
				return fault.New(fault.Conflict, "content", contentv1.Reason_REASON_OFFSET_DIFFERS, "elsewhere")
			}
		}
		to.content.Write(r.GetData())
		to.upload.Offset = int64(to.content.Len())
		f.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if to.upload.GetOffset() == to.upload.GetSize() {
		sum := sha256.Sum256(to.content.Bytes())
		to.upload.State = contentv1.UploadState_UPLOAD_STATE_READY
		if hex.EncodeToString(sum[:]) != to.upload.GetHash().GetValue() {
			to.upload.State = contentv1.UploadState_UPLOAD_STATE_REFUSED
			to.upload.Findings = []*contentv1.Finding{{Reason: "HASH_DIFFERS"}}
		}
	}
	return stream.SendAndClose(&contentv1.AppendUploadResponse{Upload: to.upload})
}

func (f *fakeContent) GetUpload(_ context.Context, r *contentv1.GetUploadRequest) (*contentv1.GetUploadResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if found := f.files[r.GetId()]; found != nil {
		return &contentv1.GetUploadResponse{Upload: found.upload}, nil
	}
	return nil, fault.New(fault.NotFound, "content", contentv1.Reason_REASON_UPLOAD_NOT_FOUND, "none")
}

// any is an upload that is there.
func (f *fakeContent) any() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.files {
		return id
	}
	return ""
}

func (f *fakeContent) DeleteUpload(_ context.Context, r *contentv1.DeleteUploadRequest) (*contentv1.DeleteUploadResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, r.GetId())
	return &contentv1.DeleteUploadResponse{}, nil
}

// fakeIntake takes everything, in batches of ten.
type fakeIntake struct {
	intakev1.UnimplementedIntakeServiceServer
	mu        sync.Mutex
	sent      []*intakev1.SendItem
	cancelled []string
	// accepted are the items of batches by their own keys, and calls how many there were.
	accepted map[string]*intakev1.SendItem
	calls    []int
	// answers says what becomes of a call, after its items were accepted, and refuses why an item is not.
	answers func(call int) error
	refuses func(item *intakev1.SendItem) *intakev1.Refusal
}

func (f *fakeIntake) GetLimits(context.Context, *intakev1.GetLimitsRequest) (*intakev1.GetLimitsResponse, error) {
	return &intakev1.GetLimitsResponse{BatchItems: 10}, nil
}

func (f *fakeIntake) BatchSend(_ context.Context, r *intakev1.BatchSendRequest) (*intakev1.BatchSendResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, len(r.GetItems()))
	answer := &intakev1.BatchSendResponse{}
	for i, item := range r.GetItems() {
		outcome := &intakev1.ItemOutcome{Index: int32(i)} //nolint:gosec // ten
		if refusal := f.refuses; refusal != nil && refusal(item) != nil {
			outcome.Outcome = &intakev1.ItemOutcome_Refused{Refused: refusal(item)}
		} else {
			if f.accepted == nil {
				f.accepted = map[string]*intakev1.SendItem{}
			}
			before := f.accepted[item.GetOwnKey()]
			f.accepted[item.GetOwnKey()] = item
			outcome.Outcome = &intakev1.ItemOutcome_Accepted{Accepted: &intakev1.Acceptance{OwnKey: item.GetOwnKey(), EdocNum: here, Duplicate: before != nil}}
		}
		answer.Outcomes = append(answer.Outcomes, outcome)
	}
	if f.answers != nil {
		if err := f.answers(len(f.calls)); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (f *fakeIntake) Send(_ context.Context, r *intakev1.SendRequest) (*intakev1.SendResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, r.GetItem())
	return &intakev1.SendResponse{Acceptance: &intakev1.Acceptance{EdocNum: here}}, nil
}

func (f *fakeIntake) Cancel(_ context.Context, r *intakev1.CancelRequest) (*intakev1.CancelResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled = append(f.cancelled, r.GetEdocNum())
	return &intakev1.CancelResponse{}, nil
}

// fakeStatus knows one sent document, and one batch.
type fakeStatus struct {
	statusv1.UnimplementedStatusServiceServer
	mu    sync.Mutex
	lists []*statusv1.ListStatusesRequest
	// receivedAt is when the document was received; nil: it was not.
	receivedAt *timestamppb.Timestamp
}

func (f *fakeStatus) GetBatchProgress(_ context.Context, r *statusv1.GetBatchProgressRequest) (*statusv1.GetBatchProgressResponse, error) {
	if r.GetBatch() != "2026-03" {
		return &statusv1.GetBatchProgressResponse{}, nil
	}
	return &statusv1.GetBatchProgressResponse{Total: 30, FirstAcceptedAt: timestamppb.Now(), LastAcceptedAt: timestamppb.Now(), Counts: []*statusv1.StateCount{
		{State: statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP, Documents: 4}, {State: statusv1.DocumentState_DOCUMENT_STATE_RECEIVED, Documents: 25},
		{State: statusv1.DocumentState_DOCUMENT_STATE_FAILED, Documents: 1},
	}}, nil
}

func sentStatus() *statusv1.DocumentStatus {
	return &statusv1.DocumentStatus{EdocNum: here, OwnKey: "key-1", Actor: person, State: statusv1.DocumentState_DOCUMENT_STATE_SENT, AcceptedAt: timestamppb.Now()}
}

func (f *fakeStatus) GetStatus(context.Context, *statusv1.GetStatusRequest) (*statusv1.GetStatusResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := sentStatus()
	status.ReceivedAt = f.receivedAt
	return &statusv1.GetStatusResponse{Status: status}, nil
}

func (f *fakeStatus) ListStatuses(_ context.Context, r *statusv1.ListStatusesRequest) (*statusv1.ListStatusesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists = append(f.lists, r)
	return &statusv1.ListStatusesResponse{Statuses: []*statusv1.DocumentStatus{sentStatus()}}, nil
}

func (f *fakeStatus) GetTimeline(context.Context, *statusv1.GetTimelineRequest) (*statusv1.GetTimelineResponse, error) {
	return &statusv1.GetTimelineResponse{Entries: []*statusv1.TimelineEntry{{Kind: "naru.intake.v1.DocumentAccepted", OccurredAt: timestamppb.Now()}}}, nil
}

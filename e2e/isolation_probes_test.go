package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// probe says how to try an RPC.
type probe struct {
	// foreign asks for something of the victims, absent for something that does not exist. If absent is nil, the RPC names
	// nothing of anybody, and foreign is what the stranger asks for itself.
	foreign, absent proto.Message
	// told allows different answers to foreign and absent, because the caller holds something that names the thing, for example a
	// token.
	told bool
	// by, if set, calls instead of the stranger.
	by *harness.Caller
}

// victims are the two parties of one document with what belongs to them. stranger has the same kinds of principals without this
// document.
type victims struct {
	scene
	document *harness.Document
	// unused is an unused viewing token; verification is the viewing system's answer about another one.
	unused       string
	verification verification
	// handed is a document that the sender handed over, upload a file that no document names, viewing one of the recipient at the
	// relay, and unusedHere an unused viewing token for another.
	handed                      *harness.Document
	upload, viewing, unusedHere string
	// agent has asked for authorisation, which is the institution's to give.
	agent         *harness.Agent
	authorisation harness.Authorisation
	// certificates of the sender and of the recipient.
	sendersCertificate, recipientsCertificate string
	// bundle is the sender's request for one, of the document that it handed over.
	bundle string
	// figures are the sender's of this month.
	figures string
	// organisation is another recipient, by an application and with an authority that somebody else could ask about.
	organisation           *harness.Organisation
	application, authority string
	// values must appear in no answer to a stranger.
	values []string

	stranger scene
	admin    *harness.Caller
	// refused holds bad tokens and the reasons for refusing them; narrow holds the sender's tokens that lack one scope.
	refused, narrow map[string]string
}

func newVictims(t *testing.T) *victims {
	t.Helper()
	v := &victims{scene: newScene(t), stranger: newScene(t), admin: stack.Admin(t), narrow: map[string]string{}}
	v.document = v.deliver(t, nil)
	v.stranger.deliver(t, nil)
	v.handed = v.institution.HandedOver(t, v.recipient.ByCI())
	v.handed.Item["batch"] = "victims-" + strings.ToLower(rand.Text())
	v.institution.Send(t, v.handed)
	v.institution.AwaitState(t, v.handed.EdocNum, "RECEIVED")
	v.upload = v.institution.HandOver(t, "시험.pdf", harness.PDF())
	v.viewing = v.recipient.OpenHere(t, v.handed.EdocNum).Viewing
	v.agent = stack.NewAgent(t)
	v.authorisation = v.agent.Authorisation(t, v.institution.Address, v.agent.HandedOver(t, v.recipient.ByCI()).Item)
	v.unusedHere = v.recipient.ViewingToken(t, v.handed.EdocNum).Token
	// Wait for the notice, because reading the document would stop it.
	await.Require(t, harness.Patience, func() bool {
		return timelineOf(t, v.institution, v.document.EdocNum)["naru.delivery.v1.NoticeGiven"] == 1
	})
	v.verification = v.verified(t, v.document)
	v.report(t, v.document, v.verification, nil).Into(t, &reportAnswer{})
	v.unused = v.recipient.ViewingToken(t, v.document.EdocNum).Token
	v.institution.AwaitStatus(t, v.document.EdocNum, func(s harness.Status) bool {
		return s.State == "DOCUMENT_STATE_READ" && s.Registered() && s.ReadTimeRegistered()
	})
	v.sendersCertificate, v.recipientsCertificate = issue(t, v.institution.Caller, v.document), issue(t, v.recipient.Caller, v.document)
	v.bundle = v.bundled(t)
	v.figures = figured(t, v.institution.Caller)
	v.settle(t)
	v.refused = v.badTokens(t)
	representative, number, named := stack.LogInPerson(t, stack.NewPerson(t)), invented.AnyBusinessNumber(), stack.NewPerson(t)
	v.application = representative.Apply(t, number)
	v.organisation = stack.Joined(t, representative, number, stack.Confirm(t, v.application))
	v.authority = v.organisation.Authorise(t, named, "RECEIVE")
	v.values = []string{
		v.document.EdocNum, v.document.Hash, v.document.Item["ownKey"].(string), v.document.ViewingURL, v.document.Receipt, v.institution.ID, v.institution.Address,
		v.institution.ViewingSystem, v.recipient.CI, v.recipient.Name, v.recipient.Phone, v.sendersCertificate, v.recipientsCertificate, v.figures, v.verification.VerificationID,
		v.handed.EdocNum, v.handed.Hash, v.upload, v.viewing, v.unusedHere, v.unused, base64.StdEncoding.EncodeToString(v.document.Certificate),
		v.organisation.ID, number, v.organisation.Address, v.bundle, representative.Name, named.Name, named.Phone, v.authority,
	}
	return v
}

// settle waits until everything that follows from the victims' actions has happened.
func (v *victims) settle(t *testing.T) {
	t.Helper()
	await.Require(t, harness.Patience, func(context.Context) error {
		state := strings.Join(v.state(t), "\n")
		for kind, times := range map[string]int{"delivery.v1.NoticeGiven": 1, "viewing.v1.ViewingTokenIssued": 2, "certificate.v1.CertificateIssued": 1, "circulation.v1.ReadTimeRegistered": 1, `"readAt"`: 3} {
			if found := strings.Count(state, kind); found < times {
				return fmt.Errorf("%s %d times in %s", kind, found, state)
			}
		}
		return nil
	})
}

// figured has the certificate of this month's figures issued and returns its id.
func figured(t *testing.T, caller *harness.Caller) string {
	t.Helper()
	var got struct {
		Figures struct{ ID, State, Reason, ReceivedOfSent string }
	}
	period := clock.System().Now().In(id.KST).Format("2006-01")
	await.Require(t, harness.Patience, func(context.Context) error {
		answer := caller.Do(t, http.MethodPost, "/v1/figures", map[string]string{"period": period, "requestId": "isolation"})
		answer.Into(t, &got)
		if got.Figures.State != "CERTIFICATE_STATE_ISSUED" {
			return fmt.Errorf("state %s %s", got.Figures.State, got.Figures.Reason)
		}
		return nil
	})
	require.NotEmpty(t, got.Figures.ReceivedOfSent)
	return got.Figures.ID
}

// issue has a certificate issued and returns its id.
func issue(t *testing.T, caller *harness.Caller, d *harness.Document) string {
	t.Helper()
	var got struct{ Certificate struct{ ID, State string } }
	await.Require(t, harness.Patience, func(context.Context) error {
		answer := caller.Do(t, http.MethodPost, "/v1/documents/"+d.EdocNum+"/certificates", map[string]string{"reason": "제출", "requestId": "isolation"})
		if answer.Status != http.StatusOK {
			return fmt.Errorf("not yet: %s", answer.Body)
		}
		answer.Into(t, &got)
		if got.Certificate.State != "CERTIFICATE_STATE_ISSUED" {
			return fmt.Errorf("state %s", got.Certificate.State)
		}
		return nil
	})
	return got.Certificate.ID
}

// bundled requests the certificate bundle of the document that the sender handed over, once the hub has its record.
func (v *victims) bundled(t *testing.T) string {
	t.Helper()
	var got struct{ Bundle struct{ ID string } }
	await.Require(t, harness.Patience, func(context.Context) error {
		answer := v.institution.Do(t, http.MethodPost, "/v1/documents/"+v.handed.EdocNum+"/bundles", map[string]string{"reason": "제출", "requestId": "isolation-bundle"})
		if answer.Status != http.StatusOK {
			return fmt.Errorf("not yet: %s", answer.Body)
		}
		answer.Into(t, &got)
		return nil
	})
	return got.Bundle.ID
}

// probes returns a probe for every public RPC. A missing one fails TestEveryPublicRPCRefusesForeignPrincipals.
func (v *victims) probes(t *testing.T) map[string]probe {
	rights := []addressv1.AuthorityRight{addressv1.AuthorityRight_AUTHORITY_RIGHT_LOOK}
	t.Helper()
	number, nowhere, now := v.document.EdocNum, absentNumber(v.document.EdocNum), clock.System().Now()
	item := func(repeats, system string) *intakev1.SendItem {
		return &intakev1.SendItem{
			OwnKey: "stranger", Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(v.stranger.recipient.CI)}, Title: "시험용 안내문",
			DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
			DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: v.document.Hash}, Viewing: &intakev1.Viewing{Url: v.document.ViewingURL, ViewingSystem: system},
			RegistrationCertificate: v.document.Certificate, Repeats: repeats,
		}
	}
	report := func(number, verification string) *viewingv1.ReportReadRequest {
		return &viewingv1.ReportReadRequest{
			EdocNum: number, VerificationId: verification, ReadAt: timestamppb.New(now), ShownHash: &platformv1.Digest{Algorithm: "SHA-256", Value: v.document.Hash}, LogDigest: strings.Repeat("ab", 32),
		}
	}
	window := &statusv1.ListStatusesRequest{AcceptedFrom: timestamppb.New(now.Add(-time.Hour)), AcceptedUntil: timestamppb.New(now.Add(time.Hour))}
	memberships := []*addressv1.ArchiveMembership{{Archive: "시험용 전자문서보관소", Member: "시험용 기관"}}
	institution := &addressv1.Institution{
		Name: "시험용 기관", BusinessNumber: invented.AnyBusinessNumber(), Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, Address: "stranger-" + strings.ToLower(rand.Text()),
		ArchiveMemberships: memberships,
	}
	resubmission := func(id string) *addressv1.ResubmitInstitutionRequest {
		return &addressv1.ResubmitInstitutionRequest{Id: id, RequestId: "s1", Name: "시험용 기관", BusinessDocument: []byte("\xff\xd8\xff\xe0"), RegistrationDocument: []byte("\xff\xd8\xff\xe0")}
	}
	all := map[string]probe{
		"intake.v1.IntakeService/Send":                          {foreign: &intakev1.SendRequest{Item: item(number, v.institution.ViewingSystem)}, absent: &intakev1.SendRequest{Item: item(nowhere, uuid.NewString())}},
		"intake.v1.IntakeService/BatchSend":                     {foreign: &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{item(number, v.institution.ViewingSystem)}}, absent: &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{item(nowhere, uuid.NewString())}}},
		"intake.v1.IntakeService/Cancel":                        {foreign: &intakev1.CancelRequest{EdocNum: number}, absent: &intakev1.CancelRequest{EdocNum: nowhere}},
		"intake.v1.IntakeService/UploadRegistrationCertificate": {foreign: &intakev1.UploadRegistrationCertificateRequest{RegistrationCertificate: v.document.Certificate}},
		"intake.v1.IntakeService/GetLimits":                     {foreign: &intakev1.GetLimitsRequest{}},

		"address.v1.MembershipService/Join":          {foreign: &addressv1.JoinRequest{TermsVersion: "1", Consent: true, DesignateInbox: true}},
		"address.v1.MembershipService/GetMembership": {foreign: &addressv1.GetMembershipRequest{}},
		"address.v1.MembershipService/GetOwnData":    {foreign: &addressv1.GetOwnDataRequest{}},
		"address.v1.MembershipService/SetConsent":    {foreign: &addressv1.SetConsentRequest{Consent: true, TermsVersion: "1"}},
		// Somebody else, because a person's own data then names the institution that it refused.
		"address.v1.MembershipService/SetRefusal": {
			foreign: &addressv1.SetRefusalRequest{Sender: v.institution.ID, Refused: true}, absent: &addressv1.SetRefusalRequest{Sender: uuid.NewString(), Refused: true},
			by: stack.NewMember(t).Caller,
		},
		"address.v1.MembershipService/TellNameAgain": {foreign: &addressv1.TellNameAgainRequest{}, absent: &addressv1.TellNameAgainRequest{}},
		"address.v1.MembershipService/Withdraw":      {foreign: &addressv1.WithdrawRequest{}, by: stack.NewMember(t).Caller},

		"address.v1.OrganisationService/ApplyForOrganisation": {foreign: &addressv1.ApplyForOrganisationRequest{
			Application: &addressv1.OrganisationApplication{
				Name: "시험용 상사", BusinessNumber: invented.AnyBusinessNumber(), Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, TermsVersion: "1",
			},
			RequestId: "s1", Consent: true, DesignateInbox: true, BusinessDocument: []byte("\xff\xd8\xff\xe0"), RegistrationDocument: []byte("\xff\xd8\xff\xe0"),
		}},
		"address.v1.OrganisationService/ChangeOrganisation": {
			foreign: &addressv1.ChangeOrganisationRequest{RequestId: "s1", Type: addressv1.OrganisationType_ORGANISATION_TYPE_OTHER}, by: stack.NewOrganisation(t).Caller,
		},
		"address.v1.OrganisationService/ListOrganisations": {foreign: &addressv1.ListOrganisationsRequest{}},
		"address.v1.OrganisationService/AuthorisePerson": {
			foreign: &addressv1.AuthorisePersonRequest{Name: v.stranger.recipient.Name, BirthDate: v.stranger.recipient.BirthDate, Phone: v.stranger.recipient.Phone, Rights: rights},
			by:      stack.NewOrganisation(t).Caller,
		},
		"address.v1.OrganisationService/SetRights": {
			foreign: &addressv1.SetRightsRequest{Id: v.authority, Rights: rights}, absent: &addressv1.SetRightsRequest{Id: uuid.NewString(), Rights: rights},
			by: stack.NewOrganisation(t).Caller,
		},
		"address.v1.OrganisationService/ListAuthorities": {foreign: &addressv1.ListAuthoritiesRequest{}, by: stack.NewOrganisation(t).Caller},
		"address.v1.OrganisationService/EndAuthority": {
			foreign: &addressv1.EndAuthorityRequest{Id: v.authority}, absent: &addressv1.EndAuthorityRequest{Id: uuid.NewString()}, by: stack.NewOrganisation(t).Caller,
		},
		"address.v1.OrganisationAdminService/ListApplications":   {foreign: &addressv1.ListApplicationsRequest{}},
		"address.v1.OrganisationAdminService/GetApplication":     {foreign: &addressv1.GetApplicationRequest{Id: v.application}, absent: &addressv1.GetApplicationRequest{Id: uuid.NewString()}},
		"address.v1.OrganisationAdminService/ConfirmApplication": {foreign: &addressv1.ConfirmApplicationRequest{Id: v.application}, absent: &addressv1.ConfirmApplicationRequest{Id: uuid.NewString()}},
		"address.v1.OrganisationAdminService/RefuseApplication":  {foreign: &addressv1.RefuseApplicationRequest{Id: v.application, Reason: "시험"}, absent: &addressv1.RefuseApplicationRequest{Id: uuid.NewString(), Reason: "시험"}},
		"address.v1.OrganisationAdminService/ListOrganisationAuthorities": {
			foreign: &addressv1.ListOrganisationAuthoritiesRequest{Organisation: v.organisation.ID}, absent: &addressv1.ListOrganisationAuthoritiesRequest{Organisation: uuid.NewString()},
		},
		"address.v1.OrganisationAdminService/EndOrganisationAuthority": {
			foreign: &addressv1.EndOrganisationAuthorityRequest{Organisation: v.organisation.ID, Id: v.authority, Reason: "시험"},
			absent:  &addressv1.EndOrganisationAuthorityRequest{Organisation: uuid.NewString(), Id: uuid.NewString(), Reason: "시험"},
		},

		"delivery.v1.InboxService/ListInbox":    {foreign: &deliveryv1.ListInboxRequest{PageSize: 100}},
		"delivery.v1.InboxService/GetInboxItem": {foreign: &deliveryv1.GetInboxItemRequest{EdocNum: number}, absent: &deliveryv1.GetInboxItemRequest{EdocNum: nowhere}},

		"viewing.v1.SessionService/StartSession":    {foreign: &viewingv1.StartSessionRequest{RedirectUri: stack.Endpoints.Sandbox.RedirectURI}},
		"viewing.v1.SessionService/CompleteSession": {foreign: &viewingv1.CompleteSessionRequest{State: strings.Repeat("s", 43), Code: "c"}},
		"viewing.v1.SessionService/ActForOrganisation": {
			foreign: &viewingv1.ActForOrganisationRequest{Organisation: v.organisation.ID}, absent: &viewingv1.ActForOrganisationRequest{Organisation: uuid.NewString()},
		},
		"viewing.v1.ViewingTokenService/IssueViewingToken": {foreign: &viewingv1.IssueViewingTokenRequest{EdocNum: number}, absent: &viewingv1.IssueViewingTokenRequest{EdocNum: nowhere}},
		"viewing.v1.ViewingService/VerifyViewingToken":     {foreign: &viewingv1.VerifyViewingTokenRequest{Token: v.unused, RequestId: "r1"}, absent: &viewingv1.VerifyViewingTokenRequest{Token: v.unused[:len(v.unused)-8] + "AAAAAAAA", RequestId: "r1"}, told: true},
		"viewing.v1.ViewingService/ReportRead":             {foreign: report(number, v.verification.VerificationID), absent: report(nowhere, uuid.NewString())},

		"intake.v1.AuthorisationService/RequestAuthorisation": {foreign: &intakev1.RequestAuthorisationRequest{
			RequestId: "r1", SenderAddress: v.institution.Address, Items: []*intakev1.SendItem{item(number, v.institution.ViewingSystem)},
		}, absent: &intakev1.RequestAuthorisationRequest{
			RequestId: "r1", SenderAddress: "nowhere", Items: []*intakev1.SendItem{item(nowhere, uuid.NewString())},
		}},
		"intake.v1.AuthorisationService/GetAuthorisation":   {foreign: &intakev1.GetAuthorisationRequest{Id: v.authorisation.ID}, absent: &intakev1.GetAuthorisationRequest{Id: uuid.NewString()}},
		"intake.v1.AuthorisationService/ListAuthorisations": {foreign: &intakev1.ListAuthorisationsRequest{}},
		"intake.v1.AuthorisationService/ApproveAuthorisation": {
			foreign: &intakev1.ApproveAuthorisationRequest{Id: v.authorisation.ID, Digest: v.authorisation.Digest},
			absent:  &intakev1.ApproveAuthorisationRequest{Id: uuid.NewString(), Digest: v.authorisation.Digest},
		},
		"intake.v1.AuthorisationService/SignAuthorisation": {
			foreign: &intakev1.SignAuthorisationRequest{Id: v.authorisation.ID, Jws: "a.b.c"}, absent: &intakev1.SignAuthorisationRequest{Id: uuid.NewString(), Jws: "a.b.c"},
		},
		"intake.v1.AuthorisationService/RevokeAuthorisation": {
			foreign: &intakev1.RevokeAuthorisationRequest{Id: v.authorisation.ID}, absent: &intakev1.RevokeAuthorisationRequest{Id: uuid.NewString()},
		},
		"gateway.v1.PrincipalAdminService/CreateAgent": {foreign: &gatewayv1.CreateAgentRequest{Agent: &gatewayv1.Agent{Name: "시험용"}}},
		"gateway.v1.PrincipalAdminService/GetAgent":    {foreign: &gatewayv1.GetAgentRequest{Id: v.agent.ID}, absent: &gatewayv1.GetAgentRequest{Id: uuid.NewString()}},
		"gateway.v1.PrincipalAdminService/ListAgents":  {foreign: &gatewayv1.ListAgentsRequest{}},
		"gateway.v1.PrincipalAdminService/ReplaceAuthorisationKeys": {
			foreign: &gatewayv1.ReplaceAuthorisationKeysRequest{Principal: v.institution.ID}, absent: &gatewayv1.ReplaceAuthorisationKeysRequest{Principal: uuid.NewString()},
		},
		"content.v1.UploadService/CreateUpload": {foreign: &contentv1.CreateUploadRequest{
			FileName: "a.pdf", MediaType: "application/pdf", Size: 10, Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)},
		}},
		"content.v1.UploadService/AppendUpload":    {foreign: &contentv1.AppendUploadRequest{Id: v.upload, Data: []byte("x")}, absent: &contentv1.AppendUploadRequest{Id: uuid.NewString(), Data: []byte("x")}},
		"content.v1.UploadService/GetUpload":       {foreign: &contentv1.GetUploadRequest{Id: v.upload}, absent: &contentv1.GetUploadRequest{Id: uuid.NewString()}},
		"content.v1.UploadService/DeleteUpload":    {foreign: &contentv1.DeleteUploadRequest{Id: v.upload}, absent: &contentv1.DeleteUploadRequest{Id: uuid.NewString()}},
		"content.v1.UploadService/GetUploadLimits": {foreign: &contentv1.GetUploadLimitsRequest{}},

		"archive.v1.DepositService/GetRegistrationCertificate": {
			foreign: &archivev1.GetRegistrationCertificateRequest{EdocNum: v.handed.EdocNum}, absent: &archivev1.GetRegistrationCertificateRequest{EdocNum: nowhere},
		},
		"archive.v1.DepositAdminService/ListDeposits":  {foreign: &archivev1.ListDepositsRequest{}},
		"archive.v1.DepositAdminService/RetryDeposits": {foreign: &archivev1.RetryDepositsRequest{EdocNums: []string{v.handed.EdocNum}}},
		"archive.v1.DepositAdminService/GiveUpDeposits": {
			foreign: &archivev1.GiveUpDepositsRequest{EdocNums: []string{v.handed.EdocNum}, Reason: "test"},
		},

		"viewing.v1.HostedViewingService/OpenDocument": {
			foreign: &viewingv1.OpenDocumentRequest{Token: v.unusedHere, RequestId: "r1"},
			absent:  &viewingv1.OpenDocumentRequest{Token: v.unusedHere[:len(v.unusedHere)-8] + "AAAAAAAA", RequestId: "r1"}, told: true,
		},
		"viewing.v1.HostedViewingService/ReadPart":     {foreign: &viewingv1.ReadPartRequest{Viewing: v.viewing}, absent: &viewingv1.ReadPartRequest{Viewing: uuid.NewString()}},
		"viewing.v1.AccessService/ListAccesses":        {foreign: &viewingv1.ListAccessesRequest{}},
		"viewing.v1.AccessService/ExtractViewingLog":   {foreign: &viewingv1.ExtractViewingLogRequest{EdocNum: number}, absent: &viewingv1.ExtractViewingLogRequest{EdocNum: nowhere}},
		"viewing.v1.HostedViewingService/ConfirmShown": {foreign: &viewingv1.ConfirmShownRequest{Viewing: v.viewing}, absent: &viewingv1.ConfirmShownRequest{Viewing: uuid.NewString()}},

		"delivery.v1.NoticeService/ConfirmNotice": {
			foreign: &deliveryv1.ConfirmNoticeRequest{EdocNum: number, Code: "ABCDEFGHJK"}, absent: &deliveryv1.ConfirmNoticeRequest{EdocNum: nowhere, Code: "ABCDEFGHJK"},
		},
		"delivery.v1.InvitationService/GetInvitation":          {foreign: &deliveryv1.GetInvitationRequest{Code: "ABCDEFGHJK"}, absent: &deliveryv1.GetInvitationRequest{Code: "BCDEFGHJKM"}},
		"delivery.v1.InvitationService/RefuseInvitation":       {foreign: &deliveryv1.RefuseInvitationRequest{Code: "ABCDEFGHJK"}, absent: &deliveryv1.RefuseInvitationRequest{Code: "BCDEFGHJKM"}},
		"delivery.v1.InvitationAdminService/ListInvitations":   {foreign: &deliveryv1.ListInvitationsRequest{}},
		"delivery.v1.InvitationAdminService/RetryInvitations":  {foreign: &deliveryv1.RetryInvitationsRequest{Ids: []string{uuid.NewString()}}},
		"delivery.v1.InvitationAdminService/GiveUpInvitations": {foreign: &deliveryv1.GiveUpInvitationsRequest{Ids: []string{uuid.NewString()}, Reason: "test"}},

		"status.v1.StatusService/GetStatus":      {foreign: &statusv1.GetStatusRequest{EdocNum: number}, absent: &statusv1.GetStatusRequest{EdocNum: nowhere}},
		"status.v1.StatusService/BatchGetStatus": {foreign: &statusv1.BatchGetStatusRequest{EdocNums: []string{number}}, absent: &statusv1.BatchGetStatusRequest{EdocNums: []string{nowhere}}},
		"status.v1.StatusService/ListStatuses":   {foreign: window},
		"status.v1.StatusService/GetBatchProgress": {
			foreign: &statusv1.GetBatchProgressRequest{Batch: v.handed.Item["batch"].(string)}, absent: &statusv1.GetBatchProgressRequest{Batch: "nothing"},
		},
		"status.v1.StatusService/GetTimeline": {foreign: &statusv1.GetTimelineRequest{EdocNum: number}, absent: &statusv1.GetTimelineRequest{EdocNum: nowhere}},

		"certificate.v1.FiguresService/RequestFigures":           {foreign: &certificatev1.RequestFiguresRequest{Period: "2026-01", RequestId: "s1"}},
		"certificate.v1.FiguresService/GetFigures":               {foreign: &certificatev1.GetFiguresRequest{Id: v.figures}, absent: &certificatev1.GetFiguresRequest{Id: uuid.NewString()}},
		"certificate.v1.FiguresService/ListFigures":              {foreign: &certificatev1.ListFiguresRequest{}},
		"certificate.v1.FiguresService/DownloadFigures":          {foreign: &certificatev1.DownloadFiguresRequest{Id: v.figures}, absent: &certificatev1.DownloadFiguresRequest{Id: uuid.NewString()}},
		"certificate.v1.FiguresService/DownloadFiguresStatement": {foreign: &certificatev1.DownloadFiguresStatementRequest{Id: v.figures}, absent: &certificatev1.DownloadFiguresStatementRequest{Id: uuid.NewString()}},
		"certificate.v1.CertificateService/RequestCertificate":   {foreign: &certificatev1.RequestCertificateRequest{EdocNum: number, Reason: "궁금", RequestId: "s1"}, absent: &certificatev1.RequestCertificateRequest{EdocNum: nowhere, Reason: "궁금", RequestId: "s2"}},
		"certificate.v1.CertificateService/GetCertificate":       {foreign: &certificatev1.GetCertificateRequest{Id: v.sendersCertificate}, absent: &certificatev1.GetCertificateRequest{Id: uuid.NewString()}},
		"certificate.v1.CertificateService/ListCertificates":     {foreign: &certificatev1.ListCertificatesRequest{EdocNum: number}, absent: &certificatev1.ListCertificatesRequest{EdocNum: nowhere}},
		"certificate.v1.CertificateService/DownloadCertificate":  {foreign: &certificatev1.DownloadCertificateRequest{Id: v.recipientsCertificate}, absent: &certificatev1.DownloadCertificateRequest{Id: uuid.NewString()}},

		"certificate.v1.VerificationService/VerifyFile":            {foreign: &certificatev1.VerifyFileRequest{Data: []byte("x")}},
		"certificate.v1.VerificationService/GetVerificationLimits": {foreign: &certificatev1.GetVerificationLimitsRequest{}},

		"certificate.v1.BundleService/RequestBundle": {foreign: &certificatev1.RequestBundleRequest{EdocNum: v.handed.EdocNum, Reason: "궁금", RequestId: "s3"}, absent: &certificatev1.RequestBundleRequest{EdocNum: nowhere, Reason: "궁금", RequestId: "s4"}},
		"certificate.v1.BundleService/BatchRequestBundles": {
			foreign: &certificatev1.BatchRequestBundlesRequest{EdocNums: []string{v.handed.EdocNum}, Reason: "궁금", RequestId: "s5"},
			absent:  &certificatev1.BatchRequestBundlesRequest{EdocNums: []string{nowhere}, Reason: "궁금", RequestId: "s6"},
		},
		"certificate.v1.BundleService/BatchGetBundles": {
			foreign: &certificatev1.BatchGetBundlesRequest{Ids: []string{v.bundle}}, absent: &certificatev1.BatchGetBundlesRequest{Ids: []string{uuid.NewString()}},
		},
		"certificate.v1.BundleService/GetBundle":      {foreign: &certificatev1.GetBundleRequest{Id: v.bundle}, absent: &certificatev1.GetBundleRequest{Id: uuid.NewString()}},
		"certificate.v1.BundleService/ListBundles":    {foreign: &certificatev1.ListBundlesRequest{EdocNum: v.handed.EdocNum}, absent: &certificatev1.ListBundlesRequest{EdocNum: nowhere}},
		"certificate.v1.BundleService/DownloadBundle": {foreign: &certificatev1.DownloadBundleRequest{Id: v.bundle}, absent: &certificatev1.DownloadBundleRequest{Id: uuid.NewString()}},

		"circulation.v1.CirculationService/GetCirculation":    {foreign: &circulationv1.GetCirculationRequest{EdocNum: number}, absent: &circulationv1.GetCirculationRequest{EdocNum: nowhere}},
		"circulation.v1.CirculationAdminService/ListQueue":    {foreign: &circulationv1.ListQueueRequest{}},
		"circulation.v1.CirculationAdminService/RetryQueued":  {foreign: &circulationv1.RetryQueuedRequest{EdocNum: number}, absent: &circulationv1.RetryQueuedRequest{EdocNum: nowhere}},
		"circulation.v1.CirculationAdminService/GiveUpQueued": {foreign: &circulationv1.GiveUpQueuedRequest{EdocNum: number, Reason: "시험"}, absent: &circulationv1.GiveUpQueuedRequest{EdocNum: nowhere, Reason: "시험"}},
		"circulation.v1.CirculationAdminService/AcceptQueued": {foreign: &circulationv1.AcceptQueuedRequest{EdocNum: number, Reason: "시험"}, absent: &circulationv1.AcceptQueuedRequest{EdocNum: nowhere, Reason: "시험"}},

		"delivery.v1.NoticeAdminService/ListNoticeRounds":   {foreign: &deliveryv1.ListNoticeRoundsRequest{}},
		"delivery.v1.NoticeAdminService/RetryNoticeRounds":  {foreign: &deliveryv1.RetryNoticeRoundsRequest{Ids: []string{uuid.NewString()}}},
		"delivery.v1.NoticeAdminService/GiveUpNoticeRounds": {foreign: &deliveryv1.GiveUpNoticeRoundsRequest{Ids: []string{uuid.NewString()}, Reason: "test"}},

		"gateway.v1.TokenService/IssueToken":                 {foreign: &gatewayv1.IssueTokenRequest{ClientId: v.institution.Credentials.ClientID, ClientSecret: "guessed"}, absent: &gatewayv1.IssueTokenRequest{ClientId: uuid.NewString(), ClientSecret: "guessed"}},
		"gateway.v1.PrincipalAdminService/CreateInstitution": {foreign: &gatewayv1.CreateInstitutionRequest{Institution: institution, BusinessDocument: []byte("\xff\xd8\xff\xe0"), RegistrationDocument: []byte("\xff\xd8\xff\xe0")}},
		"address.v1.InstitutionService/ResubmitInstitution":  {foreign: resubmission(v.institution.ID), absent: resubmission(uuid.NewString())},
		"address.v1.InstitutionService/ReplaceArchiveMemberships": {
			foreign: &addressv1.ReplaceArchiveMembershipsRequest{Id: v.institution.ID, ArchiveMemberships: memberships},
			absent:  &addressv1.ReplaceArchiveMembershipsRequest{Id: uuid.NewString(), ArchiveMemberships: memberships},
		},
		"address.v1.InstitutionService/GetInstitution":   {foreign: &addressv1.GetInstitutionRequest{Id: v.institution.ID}, absent: &addressv1.GetInstitutionRequest{Id: uuid.NewString()}},
		"address.v1.InstitutionService/ListInstitutions": {foreign: &addressv1.ListInstitutionsRequest{}},
		"address.v1.InstitutionService/ChangeInstitution": {
			foreign: &addressv1.ChangeInstitutionRequest{Id: v.institution.ID, RequestId: "s1", Type: addressv1.OrganisationType_ORGANISATION_TYPE_OTHER},
			absent:  &addressv1.ChangeInstitutionRequest{Id: uuid.NewString(), RequestId: "s1", Type: addressv1.OrganisationType_ORGANISATION_TYPE_OTHER},
		},
		"address.v1.NameChangeService/ListNameChanges":          {foreign: &addressv1.ListNameChangesRequest{}},
		"address.v1.NameChangeService/RetryNameChange":          {foreign: &addressv1.RetryNameChangeRequest{Id: uuid.NewString()}},
		"address.v1.NameChangeService/GiveUpNameChange":         {foreign: &addressv1.GiveUpNameChangeRequest{Id: uuid.NewString(), Reason: "test"}},
		"address.v1.AddressCheckService/CheckAddresses":         {foreign: &addressv1.CheckAddressesRequest{}},
		"address.v1.RefusedAddressService/ListRefusedAddresses": {foreign: &addressv1.ListRefusedAddressesRequest{}},
		"address.v1.RefusedAddressService/RetryRefusedAddress":  {foreign: &addressv1.RetryRefusedAddressRequest{Address: "ferry-1"}, absent: &addressv1.RetryRefusedAddressRequest{Address: "nowhere"}},
		"address.v1.RefusedAddressService/GiveUpRefusedAddress": {foreign: &addressv1.GiveUpRefusedAddressRequest{Address: "ferry-1", Reason: "test"}, absent: &addressv1.GiveUpRefusedAddressRequest{Address: "nowhere", Reason: "test"}},
		"address.v1.IdentityService/ListAlikeIdentities":        {foreign: &addressv1.ListAlikeIdentitiesRequest{}},
		"address.v1.IdentityService/MergeIdentities": {
			foreign: &addressv1.MergeIdentitiesRequest{Recipient: subjectOf(t, v.recipient.Token()), Into: subjectOf(t, v.stranger.recipient.Token()), Reason: "test"},
			absent:  &addressv1.MergeIdentitiesRequest{Recipient: uuid.NewString(), Into: uuid.NewString(), Reason: "test"},
		},
		"gateway.v1.PrincipalAdminService/CreateViewingSystem": {foreign: &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "시험용", Senders: []string{v.institution.ID}}}},
		"gateway.v1.PrincipalAdminService/ReplaceViewingSystem": {
			foreign: &gatewayv1.ReplaceViewingSystemRequest{Id: subjectOf(t, v.system.Token()), ViewingSystem: &gatewayv1.ViewingSystem{Name: "시험용", Senders: []string{v.stranger.institution.ID}}},
			absent:  &gatewayv1.ReplaceViewingSystemRequest{Id: uuid.NewString(), ViewingSystem: &gatewayv1.ViewingSystem{Name: "시험용", Senders: []string{v.stranger.institution.ID}}},
		},
		"gateway.v1.PrincipalAdminService/GetViewingSystem":   {foreign: &gatewayv1.GetViewingSystemRequest{Id: subjectOf(t, v.system.Token())}, absent: &gatewayv1.GetViewingSystemRequest{Id: uuid.NewString()}},
		"gateway.v1.PrincipalAdminService/ListViewingSystems": {foreign: &gatewayv1.ListViewingSystemsRequest{}},
		"gateway.v1.PrincipalAdminService/CreateClient":       {foreign: &gatewayv1.CreateClientRequest{Principal: v.institution.ID}, absent: &gatewayv1.CreateClientRequest{Principal: uuid.NewString()}},
		"gateway.v1.PrincipalAdminService/RevokeClient":       {foreign: &gatewayv1.RevokeClientRequest{ClientId: v.institution.Credentials.ClientID}, absent: &gatewayv1.RevokeClientRequest{ClientId: uuid.NewString()}},

		"platform.v1.KeyService/GetKeySet":                  {foreign: &platformv1.GetKeySetRequest{}},
		"platform.v1.LogService/GetCheckpoint":              {foreign: &platformv1.GetCheckpointRequest{}},
		"platform.v1.LogService/GetStampedCheckpoint":       {foreign: &platformv1.GetStampedCheckpointRequest{}},
		"platform.v1.LogService/GetTile":                    {foreign: &platformv1.GetTileRequest{Width: 1}},
		"platform.v1.ParkedEventService/ListParkedEvents":   {foreign: &platformv1.ListParkedEventsRequest{Unit: "intake"}},
		"platform.v1.JournalAdminService/ListHeldFrames":    {foreign: &platformv1.ListHeldFramesRequest{Unit: "intake"}},
		"platform.v1.JournalAdminService/ReleaseFrame":      {foreign: &platformv1.ReleaseFrameRequest{Unit: "intake", FrameId: uuid.NewString(), Reason: "test"}},
		"platform.v1.JournalAdminService/PublishAgain":      {foreign: &platformv1.PublishAgainRequest{Unit: "intake", Since: timestamppb.Now(), Reason: "test"}},
		"platform.v1.JournalAdminService/ReopenLog":         {foreign: &platformv1.ReopenLogRequest{Unit: "intake", Reason: "test"}},
		"platform.v1.LegalHoldService/ListLegalHolds":       {foreign: &platformv1.ListLegalHoldsRequest{Unit: "intake"}},
		"platform.v1.LegalHoldService/PlaceLegalHold":       {foreign: &platformv1.PlaceLegalHoldRequest{Unit: "intake", Subject: number, Reference: "test"}, absent: &platformv1.PlaceLegalHoldRequest{Unit: "intake", Subject: nowhere, Reference: "test"}},
		"platform.v1.LegalHoldService/ReleaseLegalHold":     {foreign: &platformv1.ReleaseLegalHoldRequest{Unit: "intake", Subject: number, Reference: "test"}, absent: &platformv1.ReleaseLegalHoldRequest{Unit: "intake", Subject: nowhere, Reference: "test"}},
		"platform.v1.ParkedEventService/GiveUpParkedEvents": {foreign: &platformv1.GiveUpParkedEventsRequest{Unit: "intake", Ids: []string{uuid.NewString()}, Reason: "test"}},
		"platform.v1.ParkedEventService/ReplayParkedEvents": {foreign: &platformv1.ReplayParkedEventsRequest{Unit: "intake", Ids: []string{uuid.NewString()}}},
	}
	full := make(map[string]probe, len(all))
	for name, one := range all {
		full["/naru."+name] = one
	}
	return full
}

// subjectOf returns whose token it is.
func subjectOf(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims struct{ Sub string }
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims.Sub
}

// badTokens returns invalid tokens with the reason for refusing each.
func (v *victims) badTokens(t *testing.T) map[string]string {
	t.Helper()
	parts := strings.Split(v.institution.Token(), ".")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	session := strings.Split(v.recipient.Token(), ".")
	tokens := map[string]string{
		"": "TOKEN_MISSING", "garbage": "TOKEN_INVALID", hex.EncodeToString(random(64)): "TOKEN_INVALID", v.unused: "TOKEN_INVALID", v.document.Receipt: "TOKEN_INVALID",
		parts[0] + "." + edit(t, parts[1], "kind", "admin") + "." + parts[2]:                                 "TOKEN_INVALID",
		parts[0] + "." + parts[1] + ".":                                                                      "TOKEN_INVALID",
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".": "TOKEN_INVALID",
		sign(t, parts[0], parts[1], stranger):                                                                "TOKEN_INVALID",
		// The unit that signs recipients' sessions may sign only for recipients.
		sign(t, session[0], edit(t, edit(t, session[1], "kind", "admin"), "sub", v.institution.ID), signerOf(t, "viewing", keys.AccessToken)): "TOKEN_INVALID",
		// Keys have one purpose each: a key for viewing tokens or receipts signs no session and no access token, whatever key id
		// the token names.
		ownKey(t, session, signerOf(t, "viewing", keys.ViewingToken)):              "TOKEN_INVALID",
		sign(t, session[0], session[1], signerOf(t, "viewing", keys.ViewingToken)): "TOKEN_INVALID",
		ownKey(t, session, signerOf(t, "intake", keys.Receipt)):                    "TOKEN_INVALID",
		ownKey(t, parts, signerOf(t, "intake", keys.Receipt)):                      "TOKEN_INVALID",
		sign(t, session[0], parts[1], signerOf(t, "viewing", keys.AccessToken)):    "TOKEN_INVALID",
	}
	for kind, subject := range map[platformv1.PrincipalKind]string{platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER: v.institution.ID, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN: uuid.NewString()} {
		signer := signerOf(t, "gateway", keys.AccessToken)
		minter, err := authn.NewMinter("gateway", authn.Key{ID: signer.KeyID(), Signer: signer}, clock.NewFake(clock.System().Now().Add(-time.Hour)))
		require.NoError(t, err)
		expired, _, err := minter.Mint(authn.Grant{Subject: subject, Kind: kind, Client: v.institution.Credentials.ClientID, Life: 15 * time.Minute})
		require.NoError(t, err)
		tokens[expired] = "TOKEN_EXPIRED"
	}
	return tokens
}

// ownKey signs the same token with another key, and sets that key's id.
func ownKey(t *testing.T, parts []string, key keys.Signer) string {
	t.Helper()
	return sign(t, edit(t, parts[0], "kid", key.KeyID()), parts[1], key)
}

// signerOf returns a signing key of a unit.
func signerOf(t *testing.T, unit, name string) keys.Signer {
	t.Helper()
	store, err := keys.Open(filepath.Join(stack.Dir, "keys", unit), keys.Options{})
	require.NoError(t, err)
	signer, err := store.Signer(t.Context(), name)
	require.NoError(t, err)
	return signer
}

// narrowed returns a sender's token with every scope except one.
func narrowed(t *testing.T, credentials harness.Credentials, without string) string {
	t.Helper()
	scopes := slices.DeleteFunc(authn.Scopes(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER), func(scope string) bool { return scope == without })
	request := &gatewayv1.IssueTokenRequest{ClientId: credentials.ClientID, ClientSecret: credentials.ClientSecret, Scope: strings.Join(scopes, " ")}
	answer, err := gatewayv1.NewTokenServiceClient(stack.GRPC).IssueToken(t.Context(), request)
	require.NoError(t, err)
	return answer.GetAccessToken()
}

package certificate

import (
	"encoding/hex"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/proof"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// lane: certificates are asked for one at a time.
const lane = platformv1.Lane_LANE_EXPRESS

func states() []proto.Message {
	return []proto.Message{
		&certificatev1.CertificateIssued{}, &certificatev1.CertificateFailed{},
		&certificatev1.CertificateRequested{}, &certificatev1.CertificateAccepted{}, &certificatev1.CertificateRefused{},
		&certificatev1.CertificateAttempted{},
		&certificatev1.BundleIssued{}, &certificatev1.BundleFailed{}, &certificatev1.BundleAttempted{},
		&certificatev1.BundleRenewed{},
		&certificatev1.FiguresRequested{}, &certificatev1.FiguresAttempted{}, &certificatev1.PushSettled{},
	}
}

// requestedFact names no sender: the sender of the document is not known yet.
func requestedFact(r request, by authn.Principal) journal.Fact {
	return journal.Fact{Subject: r.id.String(), Actor: r.principal, OccurredAt: r.requestedAt, Message: &certificatev1.CertificateRequested{
		EdocNum: r.edocNum, PrincipalKind: by.Kind, RequestId: r.requestID, Digest: r.digest,
		Authentication: &platformv1.Authentication{Client: by.Client, TokenId: by.TokenID, TokenIssuedAt: timestamppb.New(by.IssuedAt)},
		Authorisation:  r.authorisation,
	}}
}

func acceptedFact(o order) journal.Fact {
	return journal.Fact{Subject: o.id.String(), Sender: o.sender, Actor: o.principal, OccurredAt: o.acceptedAt, Message: &certificatev1.CertificateAccepted{
		EdocNum: o.edocNum, Ordinal: uint32(o.ordinal), Entitlement: entitlementOf(o), From: o.senderAddress, To: o.recipientAddress, //nolint:gosec // a small count
		DocumentHash: &platformv1.Digest{Algorithm: o.hashAlgorithm, Value: o.hash}, Attachments: o.attachments,
		SentAt: timestamppb.New(o.sentAt), ReceivedAt: timestamppb.New(o.receivedAt), RegisteredAt: timestamppb.New(o.registeredAt),
		Mandate: o.mandate.proto(),
	}}
}

// proto is the mandate as facts tell it; none where a party asked itself.
func (m *mandate) proto() *certificatev1.Mandate {
	if m == nil {
		return nil
	}
	return &certificatev1.Mandate{
		Authorisation: m.authorisation, Digest: m.digest, GivenAt: timestamppb.New(m.givenAt), ExpiresAt: timestamppb.New(m.expiresAt),
		Principal: m.party.ID, PrincipalKind: m.party.Kind,
	}
}

func refusedFact(r refusal, sender string) journal.Fact {
	return journal.Fact{Subject: r.id.String(), Sender: sender, Actor: r.request.principal, OccurredAt: r.refusedAt, Message: &certificatev1.CertificateRefused{
		EdocNum: r.request.edocNum, Certificate: r.request.id.String(), Outcome: r.outcome, Authorisation: r.request.authorisation,
	}}
}

func attemptedFact(j job, o outcome, late bool, profile string) journal.Fact {
	attempted := &certificatev1.CertificateAttempted{
		EdocNum: j.edocNum, Outcome: string(o.kind), Late: late, Exchange: o.exchange, CertNum: o.certNum, HubCode: o.hubCode,
		Passed: o.checks.with(proof.Passed), NotCheckable: o.checks.with(proof.NotCheckable), PdfDigest: hex.EncodeToString(o.digest),
		ReadRegistered: o.read.registered, Profile: profile, Updates: o.updates,
	}
	if !o.read.at.IsZero() {
		attempted.ReadAt = timestamppb.New(o.read.at)
	}
	return journal.Fact{Subject: j.id.String(), Ordinal: uint32(j.attempt), Sender: j.sender, Actor: j.principal, OccurredAt: o.at, Message: attempted} //nolint:gosec // attempts are few
}

// eventOf states the end of a request.
func eventOf(j job, o outcome) journal.Fact {
	e := journal.Fact{Subject: j.edocNum, Ordinal: uint32(j.ordinal), Sender: j.sender, Actor: j.principal, OccurredAt: o.at} //nolint:gosec // a small count
	if o.kind == passed {
		e.Message = &certificatev1.CertificateIssued{
			EdocNum: j.edocNum, Sender: j.sender, Certificate: j.id.String(), CertNum: o.certNum, PdfDigest: hex.EncodeToString(o.digest),
			IssuedAt: timestamppb.New(o.issuedAt), Entitlement: entitlementOf(j.order), NotCheckable: o.checks.with(proof.NotCheckable),
		}
		return e
	}
	e.Message = &certificatev1.CertificateFailed{
		EdocNum: j.edocNum, Sender: j.sender, Certificate: j.id.String(), Reason: o.reason, FailedAt: timestamppb.New(o.at),
		Entitlement: entitlementOf(j.order),
	}
	return e
}

func bundleAttemptedFact(j bundleJob, o bundleOutcome) journal.Fact {
	attempted := &certificatev1.BundleAttempted{EdocNum: j.edocNum, Outcome: string(o.kind), Step: o.step.String(), Failed: o.failed}
	if o.original != nil {
		attempted.OriginalDigest = archivecert.Digest(o.original)
	}
	return journal.Fact{Subject: j.id.String(), Ordinal: uint32(j.attempt), Sender: j.sender, Actor: j.principal, OccurredAt: o.at, Message: attempted} //nolint:gosec // attempts are few
}

// bundleEventOf states the end of a bundle.
func bundleEventOf(j bundleJob, o bundleOutcome) journal.Fact {
	e := journal.Fact{Subject: j.edocNum, Ordinal: uint32(j.ordinal), Sender: j.sender, Actor: j.principal, OccurredAt: o.at} //nolint:gosec // a small count
	if o.kind == passed {
		e.Message = &certificatev1.BundleIssued{
			EdocNum: j.edocNum, Sender: j.sender, Bundle: j.id.String(), CertNum: j.certNum, Digest: hex.EncodeToString(digestOf(o.files)),
			StampedAt: timestamppb.New(o.stampedAt), Entitlement: entitlementOf(j.order),
		}
		return e
	}
	e.Message = &certificatev1.BundleFailed{
		EdocNum: j.edocNum, Sender: j.sender, Bundle: j.id.String(), Reason: o.reason, FailedAt: timestamppb.New(o.at), Entitlement: entitlementOf(j.order),
	}
	return e
}

func renewedFact(r renewal, digest []byte, stamp bundle.Stamp, at time.Time) journal.Fact {
	return journal.Fact{Subject: r.id.String(), Ordinal: uint32(r.stamps + 1), Sender: r.sender, Actor: r.principal, OccurredAt: at, Message: &certificatev1.BundleRenewed{ //nolint:gosec // at most maxRenewals
		EdocNum: r.edocNum, Stamps: uint32(r.stamps + 1), Digest: hex.EncodeToString(digest), StampedAt: timestamppb.New(stamp.At), BelievedUntil: timestamppb.New(stamp.Until), //nolint:gosec // at most maxRenewals
	}}
}

func entitlementOf(o order) certificatev1.Entitlement {
	if o.entitlement == entitledRecipient {
		return certificatev1.Entitlement_ENTITLEMENT_RECIPIENT
	}
	return certificatev1.Entitlement_ENTITLEMENT_SENDER
}

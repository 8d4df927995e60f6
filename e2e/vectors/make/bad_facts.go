package main

import (
	"encoding/hex"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// foreignFacts are bundles of the evidence form whose facts are proved, and do not belong together: of another relay, of another
// document, missing, or against each other.
func (w *world) foreignFacts() []vector {
	told := func(bend func(*records)) []byte { return w.evidence(bend).bundle() }
	again := func(r *records, unit string, at time.Time, message proto.Message) {
		r.facts = append(r.facts, logprooftest.Fact{Unit: unit, Subject: edocNum, Ordinal: 2, At: at, RecordedAt: at.Add(time.Millisecond), Message: message})
	}
	return []vector{
		bad("log_of_another_trusted_relay", "receipt is proved by the log of another relay, which is trusted, too", told(func(r *records) {
			r.logs["delivery"] = w.otherLogs.logs(otherPlatform)["delivery"]
		}), bundle.CheckJournal),
		bad("logs_of_a_relay_of_nobody", "everything is proved by the logs of a trusted relay that neither sender nor recipient uses", told(func(r *records) {
			r.logs = w.otherLogs.logs(otherPlatform)
		}), bundle.CheckJournal),
		bad("log_forked", "two proofs show two histories of one log", told(func(r *records) { r.logs["hub"].forked = true }), bundle.CheckJournal),
		bad("proof_under_another_name", "a proof in a file with the name of another unit", told(func(r *records) {
			r.draft = func(d *bundle.Draft) {
				i := slices.IndexFunc(d.Contents, func(c bundle.Content) bool { return c.Path == "evidence/journal/delivery001.json" })
				d.Contents[i].Path = "evidence/journal/archive002.json"
			}
		}), bundle.CheckJournal),
		bad("fact_recorded_early", "recorded before it happened", told(func(r *records) { r.fact("delivery").RecordedAt = receivedAt.Add(-2 * time.Minute) }), bundle.CheckJournal),
		bad("fact_of_no_bundle", "a fact of a kind that bundles do not hold", told(func(r *records) {
			again(r, "delivery", receivedAt.Add(-time.Second/2), &deliveryv1.NoticeGiven{EdocNum: edocNum})
		}), bundle.CheckFacts),
		bad("fact_another_algorithm", "the document was accepted with a hash of another algorithm", told(func(r *records) {
			factOf[*intakev1.DocumentAccepted](r).Facts.DocumentHash.Algorithm = "SHA3-256"
		}), bundle.CheckFacts),
		bad("received_twice", "received twice", told(func(r *records) {
			again(r, "delivery", receivedAt, proto.CloneOf(factOf[*deliveryv1.DocumentReceived](r)))
		}), bundle.CheckFacts),
		bad("read_twice", "read twice", told(func(r *records) {
			again(r, "viewing", r.fact("viewing").At, proto.CloneOf(factOf[*viewingv1.DocumentRead](r)))
		}), bundle.CheckFacts),
		bad("read_at_another_time", "the relay recorded another read time than the hub certifies", told(func(r *records) {
			factOf[*viewingv1.DocumentRead](r).ReadAt = timestamppb.New(readAt.Add(-time.Minute))
		}), bundle.CheckFacts),
		bad("read_by_another", "read by somebody who did not receive it", told(func(r *records) {
			factOf[*viewingv1.DocumentRead](r).Recipient = "01a22fe7-0000-7000-8000-0000000000b3"
		}), bundle.CheckFacts),
		bad("read_without_token", "read, and no viewing token was used", told(func(r *records) {
			r.facts = slices.DeleteFunc(r.facts, func(f logprooftest.Fact) bool {
				_, used := f.Message.(*viewingv1.ViewingTokenVerified)
				return used
			})
		}), bundle.CheckFacts),
		bad("token_for_another_document", "the viewing token was for another document", told(func(r *records) {
			factOf[*viewingv1.ViewingTokenIssued](r).DocumentHash = "SHA-256:" + hashOf(pdf("다른 문서"))
		}), bundle.CheckFacts),
		bad("token_of_another_recipient", "the viewing token was given to another address", told(func(r *records) {
			factOf[*viewingv1.ViewingTokenIssued](r).Address = "시험용다른수신자"
		}), bundle.CheckFacts),
		bad("registered_another_document", "another document was registered at the hub", told(func(r *records) {
			factOf[*circulationv1.CirculationRegistered](r).EdocNum = "20260302_NARU000001_0000000000002"
		}), bundle.CheckFacts),
		bad("registered_other_parties", "registered at the hub for another recipient", told(func(r *records) {
			factOf[*circulationv1.CirculationRegistered](r).To = party("시험용다른수신자")
		}), bundle.CheckFacts),
		bad("request_missing", "nobody requested the bundle", told(func(r *records) {
			r.facts = slices.DeleteFunc(r.facts, func(f logprooftest.Fact) bool {
				_, requested := f.Message.(*certificatev1.CertificateRequested)
				return requested
			})
		}), bundle.CheckFacts),
		bad("request_for_another_document", "the bundle of another document was requested", told(func(r *records) {
			factOf[*certificatev1.CertificateRequested](r).EdocNum = "20260302_NARU000001_0000000000002"
		}), bundle.CheckFacts),
		bad("request_of_the_other_party", "the recipient's request was accepted, and the bundle is the sender's", told(func(r *records) {
			factOf[*certificatev1.CertificateAccepted](r).Entitlement = certificatev1.Entitlement_ENTITLEMENT_RECIPIENT
		}), bundle.CheckFacts),
		bad("exchange_unproved", "what came of the exchange that gave the distribution certificate is not proved", told(func(r *records) {
			r.facts = slices.DeleteFunc(r.facts, func(f logprooftest.Fact) bool { return f.Subject == issuing })
		}), bundle.CheckAnswers),
		bad("exchanges_left_out", "no exchange with the hub is proved", told(func(r *records) {
			r.leaveOut("hub")
			r.answers = nil
		}), bundle.CheckAnswers),
		bad("push_of_another_certificate", "the hub's push of another distribution certificate", told(func(r *records) {
			pushed(r).CertNum = "2026-0302-0001-0002"
		}), bundle.CheckAnswers),
	}
}

// pushed has the distribution certificate come by a push of the hub.
func pushed(r *records) *hubv1.HubPushReceived {
	i := slices.IndexFunc(r.facts, func(f logprooftest.Fact) bool { return f.Subject == issuing })
	digest := must(hex.DecodeString(factOf[*certificatev1.CertificateAttempted](r).GetPdfDigest()))
	push := &hubv1.HubPushReceived{CertNum: certNum, EdocNum: edocNum, PdfDigest: digest}
	r.facts[i].Message = push
	return push
}

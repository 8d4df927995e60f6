package main

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const timelinePath = "evidence/timeline.json"

// evidences are bundles of the evidence form whose evidence is not what it should be.
func (w *world) evidences() []vector {
	told := func(bend func(*records)) []byte { return w.evidence(bend).bundle() }
	registration := func(change func(*archivecert.Statement)) []byte {
		s := w.evidence()
		s.registeredSays = change
		return s.bundle()
	}
	proofs := func(change func(*platformv1.LogProof)) []byte {
		return told(func(r *records) {
			r.proofs = func(all []*platformv1.LogProof) {
				for _, p := range all {
					if p.GetUnit() == "delivery" {
						change(p)
					}
				}
			}
		})
	}
	timeline := func(change func([]byte) []byte) []byte {
		before := contentOf(w.evidence().bundle(), timelinePath)
		return told(func(r *records) {
			r.draft = func(d *bundle.Draft) { replaceContent(d, timelinePath, change(before)) }
		})
	}
	delivery := func(r *records) *logOf { return r.logs["delivery"] }
	stranger := must(logprooftest.NewKey(platform, "delivery"))
	return []vector{
		bad("registration_swapped", "registration certificate of another document", registration(func(s *archivecert.Statement) { s.Hash = hashOf(pdf("다른 문서")) }), bundle.CheckRegistrationDocument),
		bad("registration_expired", "registration certificate that had ended", registration(func(s *archivecert.Statement) { s.ValidUntil = at.Add(-time.Minute) }), bundle.CheckRegistration),
		bad("registration_another", "registration certificate that is not the one the original certificate belongs to", told(func(r *records) {
			s := w.evidence()
			s.certificates()
			r.registration = s.registered
		}), bundle.CheckRegistrationMatch, bundle.CheckFacts),
		bad("timeline_changed", "timeline with another time of receipt", timeline(replace("01:10:01.123456Z\",\"kind\":\"naru.delivery", "01:10:02.123456Z\",\"kind\":\"naru.delivery")),
			bundle.CheckTimeline, bundle.CheckFacts),
		bad("timeline_step_unproved", "timeline with a step that the relay did not record", timeline(replace(`{"at":"2026-03-02T01:10:01.123456Z"`,
			`{"at":"2026-03-02T01:10:00.500000Z","kind":"naru.delivery.v1.NoticeGiven","ordinal":1,"recordedAt":"2026-03-02T01:10:00.500000Z"},{"at":"2026-03-02T01:10:01.123456Z"`)), bundle.CheckFacts),
		bad("timeline_respelled", "timeline with a space in it", timeline(replace(`"steps":`, `"steps": `)), bundle.CheckTimeline),
		bad("timeline_of_another", "timeline of another document", timeline(replace(edocNum, "20260302_NARU000001_0000000000002")), bundle.CheckTimeline),
		bad("fact_missing", "read, and the relay did not record it", told(func(r *records) { r.leaveOut("viewing") }), bundle.CheckTimeline, bundle.CheckFacts),
		bad("fact_changed", "a fact that is not the one in the log", proofs(func(p *platformv1.LogProof) { p.Facts[0].Event = append(p.Facts[0].GetEvent(), 0x18, 2) }), bundle.CheckJournal),
		bad("fact_of_another_log", "a fact of another unit's log", proofs(func(p *platformv1.LogProof) { p.Unit = "archive" }), bundle.CheckJournal),
		bad("fact_of_another_document", "a fact about another document beside the others", told(func(r *records) {
			another := *r.fact("delivery")
			another.Subject = "20260302_NARU000001_0000000000002"
			r.facts = append(r.facts, another)
		}), bundle.CheckFacts),
		bad("fact_about_another_document", "the document was accepted with another hash", told(func(r *records) {
			r.fact("intake").Message.(*intakev1.DocumentAccepted).Facts.DocumentHash = &platformv1.Digest{Algorithm: "SHA-256", Value: hashOf(pdf("다른 문서"))} //nolint:forcetypeassert // as made
		}), bundle.CheckFacts),
		bad("fact_another_recipient", "received by somebody else", told(func(r *records) {
			r.fact("delivery").Message.(*deliveryv1.DocumentReceived).Facts.To = party("시험용다른수신자") //nolint:forcetypeassert // as made
		}), bundle.CheckFacts),
		bad("fact_another_sent_at", "sent at another time", told(func(r *records) {
			r.fact("delivery").Message.(*deliveryv1.DocumentReceived).Facts.SentAt = timestamppb.New(sentAt.Add(-time.Second)) //nolint:forcetypeassert // as made
		}), bundle.CheckFacts),
		bad("fact_another_document_shown", "another document was shown", told(func(r *records) {
			r.fact("viewing").Message.(*viewingv1.DocumentRead).ShownHash = "SHA-256:" + hashOf(pdf("다른 문서")) //nolint:forcetypeassert // as made
		}), bundle.CheckFacts),
		bad("fact_recorded_late", "recorded after its checkpoint was stamped", told(func(r *records) { r.fact("delivery").RecordedAt = at.Add(2 * time.Minute) }), bundle.CheckJournal),
		bad("log_path", "a path that does not lead to the checkpoint", proofs(func(p *platformv1.LogProof) { p.Facts[0].LogPath[0][0] ^= 1 }), bundle.CheckJournal),
		bad("log_place", "a fact at another place of the log", proofs(func(p *platformv1.LogProof) { p.Facts[0].Leaf++ }), bundle.CheckJournal),
		bad("log_foreign", "a log that somebody else signed", told(func(r *records) { delivery(r).signers[0] = stranger.Signer }), bundle.CheckJournal),
		bad("log_of_another_relay", "the log of a relay whose keys are not trusted", proofs(func(p *platformv1.LogProof) {
			p.Checkpoint = string(replace("naru/"+platform, "naru/other-01-test")([]byte(p.GetCheckpoint())))
		}), bundle.CheckJournal),
		bad("log_not_witnessed", "a checkpoint that no witness cosigned", told(func(r *records) { delivery(r).signers = delivery(r).signers[:1] }), bundle.CheckJournal),
		bad("log_witnessed_by_itself", "a checkpoint that only the log's own unit cosigned", told(func(r *records) { delivery(r).signers[1] = w.logs["delivery"].Cosigner }), bundle.CheckJournal),
		bad("log_stamp_foreign", "a checkpoint with the time stamp of an authority that is not trusted", told(func(r *records) {
			delivery(r).stamp.signer = w.strange.signer("시험용 낯선 시점확인센터", timeStamps)
		}), bundle.CheckJournal),
		bad("log_stamp_of_another", "a checkpoint with the time stamp of something else", told(func(r *records) { delivery(r).stamp.over = []byte("another checkpoint") }), bundle.CheckJournal),
		bad("answer_swapped", "an answer of the hub that the relay did not record", told(func(r *records) {
			r.answers[0] = replace(`"result":1`, `"result":2`)(r.answers[0])
		}), bundle.CheckAnswers),
		bad("answer_of_another_exchange", "an exchange with the hub that nothing names", told(func(r *records) {
			r.fact("hub").Subject = "01a22fe7-0000-7000-8000-0000000000a3"
		}), bundle.CheckAnswers),
		bad("answer_about_another_certificate", "the exchange that gave another distribution certificate", told(func(r *records) {
			factOf[*certificatev1.CertificateAttempted](r).PdfDigest = hashOf(pdf("다른 문서"))
		}), bundle.CheckFacts, bundle.CheckAnswers),
	}
}

func replaceContent(d *bundle.Draft, path string, content []byte) {
	for i, c := range d.Contents {
		if c.Path == path {
			d.Contents[i] = bundle.Bytes(c.Role, path, c.MediaType, content)
		}
	}
}

package status

import (
	"github.com/naru-relay/naru/pkg/audit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	accepted, received, read := &intakev1.DocumentAccepted{}, &deliveryv1.DocumentReceived{}, &viewingv1.DocumentRead{}
	notice, expired, failed := &deliveryv1.NoticeGiven{}, &deliveryv1.DeliveryExpired{}, &deliveryv1.DeliveryFailed{}
	invited, unreachable := &deliveryv1.RecipientInvited{}, &deliveryv1.RecipientUnreachable{}
	cancelled, searchCancelled := &deliveryv1.DocumentCancelled{}, &addressv1.DocumentCancelled{}
	issued, verified := &viewingv1.ViewingTokenIssued{}, &viewingv1.ViewingTokenVerified{}
	registered, readRegistered := &circulationv1.CirculationRegistered{}, &circulationv1.ReadTimeRegistered{}
	return []audit.Table{
		{Name: "document_summary", Key: "edoc_num", Frame: "frame_id", Founded: audit.Kinds(accepted, received), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(accepted, "facts.sender")}},
			{Name: "own_key", From: []audit.Source{audit.Of(accepted, "facts.own_key")}},
			{Name: "batch", From: []audit.Source{audit.Of(accepted, "facts.batch")}},
			{Name: "accepted_at", From: []audit.Source{audit.Of(accepted, "facts.accepted_at")}},
			{Name: "send_deadline", From: []audit.Source{audit.Of(accepted, "facts.send_deadline")}},
			{Name: "viewing_deadline", From: []audit.Source{audit.Of(accepted, "facts.viewing_deadline")}},
			{Name: "invitations", Take: audit.Count, From: []audit.Source{audit.Of(invited, "")}},
			{Name: "unreachable_at", From: []audit.Source{audit.Of(unreachable, "found_at")}},
			{Name: "sent_at", From: []audit.Source{audit.Of(received, "facts.sent_at")}},
			{Name: "received_at", From: []audit.Source{audit.Of(received, "facts.received_at")}},
			{Name: "recipient_address", From: []audit.Source{audit.Of(received, "facts.to.address")}},
			{Name: "notice_given_at", From: []audit.Source{audit.Of(notice, "given_at")}},
			{Name: "read_at", From: []audit.Source{audit.Of(read, "read_at")}},
			{Name: "expired_at", From: []audit.Source{audit.Of(expired, "expired_at")}},
			{Name: "failed_at", From: []audit.Source{audit.Of(failed, "failed_at")}},
			{Name: "cancelled_at", From: []audit.Source{audit.Of(cancelled, "cancelled_at"), audit.Of(searchCancelled, "cancelled_at")}},
			{Name: "tokens_issued", Take: audit.Count, From: []audit.Source{audit.Of(issued, "")}},
			{Name: "tokens_verified", Take: audit.Count, From: []audit.Source{audit.Of(verified, "")}},
			{Name: "registration_result", From: []audit.Source{audit.Of(registered, "result")}},
			{Name: "read_time_result", From: []audit.Source{audit.Of(readRegistered, "result")}},
		}},
	}
}

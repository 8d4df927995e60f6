package content

import (
	"github.com/naru-relay/naru/pkg/audit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// follows says which rows follow from which facts. A row that still receives has no fact yet.
func follows() []audit.Table {
	received, refused, deleted := &contentv1.ContentReceived{}, &contentv1.ContentRefused{}, &contentv1.ContentDeleted{}
	unfound, cancelled, expired, failed := &addressv1.DocumentCancelled{}, &deliveryv1.DocumentCancelled{}, &deliveryv1.DeliveryExpired{}, &deliveryv1.DeliveryFailed{}
	return []audit.Table{
		{Name: "upload", Key: "id", Where: "received_at is not null", Founded: audit.Kinds(received), Columns: []audit.Column{
			{Name: "hash", From: []audit.Source{audit.Of(received, "hash.value")}},
			{Name: "size", From: []audit.Source{audit.Of(received, "size")}},
			{Name: "media_type", From: []audit.Source{audit.Of(received, "media_type")}},
			{Name: "received_at", From: []audit.Source{audit.Of(received, "")}},
			{Name: "deleted_at", From: []audit.Source{audit.Of(deleted, "")}},
		}},
		{Name: "upload", Key: "id", Where: "state = 'REFUSED'", Founded: audit.Kinds(refused), Columns: []audit.Column{
			{Name: "refused_at", From: []audit.Source{audit.Of(refused, "")}},
		}},
		{Name: "upload", Key: "id", Where: "state = 'DELETED'", Founded: audit.Kinds(deleted), Columns: []audit.Column{
			{Name: "deleted_at", From: []audit.Source{audit.Of(deleted, "")}},
			{Name: "why", From: []audit.Source{audit.Of(deleted, "why")}},
		}},
		{Name: "document_end", Key: "edoc_num", Frame: "frame_id", Founded: audit.Kinds(unfound, cancelled, expired, failed), Columns: []audit.Column{
			{Name: "ended_at", Take: audit.Least, From: []audit.Source{
				audit.Of(unfound, "cancelled_at"), audit.Of(cancelled, "cancelled_at"), audit.Of(expired, "expired_at"), audit.Of(failed, "failed_at"),
			}},
		}},
	}
}

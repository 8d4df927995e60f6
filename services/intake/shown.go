package intake

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// What a sender is shown of the items before it decides is all that is kept of them, sealed: title and recipient, not the items.

// showItem is an item as its sender is shown it.
func showItem(item *intakev1.SendItem, digest authorisation.Digest) *intakev1.ShownItem {
	return &intakev1.ShownItem{
		OwnKey: item.GetOwnKey(), Title: item.GetTitle(), Recipient: inOneLine(item.GetRecipient()), Digest: digest.String(),
		DocumentHash: item.GetDocumentHash().GetValue(),
	}
}

func sealShown(ctx context.Context, box sealed.Sealer, of uuid.UUID, shown []*intakev1.ShownItem) ([][]byte, error) {
	plain, err := proto.Marshal(&intakev1.Authorisation{Shown: shown})
	if err != nil {
		return nil, fmt.Errorf("encode the items of %s: %w", of, err)
	}
	return sealed.SealPieces(ctx, box, sealedItems, of.String(), plain)
}

// openShown reads what the sender is shown; nothing when it was deleted.
func openShown(ctx context.Context, db pg.DBTX, box sealed.Opener, of uuid.UUID) ([]*intakev1.ShownItem, error) {
	pieces, err := readContent(ctx, db, of)
	if err != nil || len(pieces) == 0 {
		return nil, err
	}
	plain, err := sealed.OpenPieces(ctx, box, sealedItems, of.String(), pieces)
	if err != nil {
		return nil, fmt.Errorf("open the items of %s: %w", of, err)
	}
	var all intakev1.Authorisation
	if proto.Unmarshal(plain, &all) != nil {
		// The decoder's own text could repeat bytes of the items.
		return nil, fmt.Errorf("the items of %s are of an unknown form", of)
	}
	return all.GetShown(), nil
}

// inOneLine names a recipient for its sender. A CI tells people nothing, and a phone number is recognised by its ends.
func inOneLine(r *platformv1.RecipientIdentifier) string {
	switch {
	case r.GetPlatformAddress() != nil:
		a := r.GetPlatformAddress()
		return strings.TrimSpace(a.GetAddress()+" "+a.GetSubAddress()) + " (" + a.GetPlatformId() + ")"
	case r.Ci != nil:
		return "CI"
	case r.GetPerson() != nil:
		p := r.GetPerson()
		return p.GetName() + ", " + p.GetBirthDate() + ", " + maskedPhone(p.GetPhone())
	default:
		return r.GetBusinessNumber()
	}
}

// maskedPhone is a number of 10 or 11 digits without those between the first three and the last four.
func maskedPhone(digits string) string {
	if len(digits) < 7 {
		return strings.Repeat("*", len(digits))
	}
	return digits[:3] + strings.Repeat("*", len(digits)-7) + digits[len(digits)-4:]
}

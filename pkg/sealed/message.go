package sealed

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
)

// OpenMessage opens a sealed proto message. What opens and is no such message can never be read: it is corrupt, too. The
// decoder's own text could repeat bytes of the message, so it is not told.
func OpenMessage(ctx context.Context, box Opener, p Purpose, subject string, value []byte, into proto.Message) error {
	plain, err := box.Open(ctx, p, subject, value)
	if err != nil {
		return err
	}
	if proto.Unmarshal(plain, into) != nil {
		return fault.New(fault.Corrupt, "sealed", fault.Word("SEALED_FORM_UNKNOWN"), "a sealed value is of an unknown form")
	}
	return nil
}

package delivery

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// proves names the facts about a document that go into bundles in the evidence form: that it was sent and received.
func proves() journal.Provable {
	return journal.Provable{
		Kinds:   []proto.Message{&deliveryv1.DocumentReceived{}},
		Commits: `select commit_id from delivery where edoc_num = $1 and state = 'DELIVERED'`,
	}
}

package intake

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// proves names the facts about a document that go into bundles in the evidence form: its acceptance.
func proves() journal.Provable {
	return journal.Provable{
		Kinds:   []proto.Message{&intakev1.DocumentAccepted{}},
		Commits: `select commit_id from document where edoc_num = $1`,
	}
}

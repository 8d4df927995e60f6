package archive

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

// proves names the facts about a document that go into bundles in the evidence form: its registration at the archive.
func proves() journal.Provable {
	return journal.Provable{
		Kinds:   []proto.Message{&archivev1.DocumentDeposited{}},
		Commits: `select commit_id from deposit where edoc_num = $1 and state = 'DEPOSITED'`,
	}
}

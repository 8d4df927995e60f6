package viewing

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// proves names the facts about a document that go into bundles in the evidence form: that it was read, and how the viewing token
// of this reading was given and used.
func proves() journal.Provable {
	return journal.Provable{
		Kinds: []proto.Message{&viewingv1.ViewingTokenIssued{}, &viewingv1.ViewingTokenVerified{}, &viewingv1.DocumentRead{}},
		Commits: `
			select commit_id from read_time where edoc_num = $1
			union all
			select unnest(array[t.commit_id, t.used_commit_id])
			from   viewing_token t
			join   read_time r using (edoc_num, verification_id)
			where  t.edoc_num = $1`,
	}
}

package circulation

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// proves names the facts about a document that go into bundles in the evidence form: that the hub has its circulation record and
// its read time.
func proves() journal.Provable {
	return journal.Provable{
		Kinds: []proto.Message{&circulationv1.CirculationRegistered{}, &circulationv1.ReadTimeRegistered{}},
		Commits: `
			select c.commit_id
			from   circulation_record r
			join   hub_call c on c.id in (r.registration_call, r.read_time_call)
			where  r.edoc_num = $1 and c.commit_id is not null
			union all
			select commit_id from hub_ruling where edoc_num = $1 and decision = 'accepted'`,
	}
}

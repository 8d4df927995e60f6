package unittest

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// producers are the frame keys of the units that are not there in a test; a test's frames are made with them, and the unit asks for them.
var producers producerKeys

type producerKeys struct {
	mu     sync.Mutex
	byUnit map[string]*journal.Keys
}

func (p *producerKeys) of(t testing.TB, unit string) *journal.Keys {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if made := p.byUnit[unit]; made != nil {
		return made
	}
	// The keys outlive the test that asked first.
	dir, err := os.MkdirTemp("", "naru-test-keys-") //nolint:usetesting // see above
	require.NoError(t, err)
	store, err := keys.Open(dir, keys.Options{Create: true})
	require.NoError(t, err)
	made := journal.NewKeys(store, clock.System())
	if p.byUnit == nil {
		p.byUnit = map[string]*journal.Keys{}
	}
	p.byUnit[unit] = made
	return made
}

// fakeJournal gives the unit under test the keys of a producing unit.
type fakeJournal struct {
	platformv1.UnimplementedJournalServiceServer
	keys *journal.Keys
}

func (f *fakeJournal) GetFrameKey(ctx context.Context, r *platformv1.GetFrameKeyRequest) (*platformv1.GetFrameKeyResponse, error) {
	key, err := f.keys.Export(ctx, r.GetKeyId(), authn.CallingUnit(ctx))
	if err != nil {
		return nil, err
	}
	return &platformv1.GetFrameKeyResponse{Key: key}, nil
}

// journals serves the keys of every producer the unit reads.
func (b *Bench) journals(t testing.TB, neighbours map[string]func(grpc.ServiceRegistrar)) {
	t.Helper()
	served := map[string]bool{b.unit.Name: true}
	for _, spec := range b.unit.Specs() {
		if served[spec.From] {
			continue
		}
		served[spec.From] = true
		fake, extra := &fakeJournal{keys: producers.of(t, spec.From)}, neighbours[spec.From]
		neighbours[spec.From] = func(r grpc.ServiceRegistrar) {
			platformv1.RegisterJournalServiceServer(r, fake)
			if extra != nil {
				extra(r)
			}
		}
	}
}

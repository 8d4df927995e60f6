package unittest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// producers are the frame keys of the units that are not there in a test; a test's frames are made with them, and the unit asks
// for them.
var producers producerKeys

type producerKeys struct {
	mu     sync.Mutex
	byUnit map[string]*journal.Keys
	dirs   map[string]string
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
		p.byUnit, p.dirs = map[string]*journal.Keys{}, map[string]string{}
	}
	p.byUnit[unit], p.dirs[unit] = made, dir
	return made
}

// AddFrameKey gives a producing unit a key that a replica of it had in a folder of its own.
func AddFrameKey(t testing.TB, unit, file string) {
	t.Helper()
	producers.of(t, unit)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	name := strings.TrimSuffix(filepath.Base(file), ".mac") + "-" + strings.ToLower(rand.Text()[:8]) + ".mac"
	require.NoError(t, os.WriteFile(filepath.Join(producers.dirs[unit], name), content, 0o600))
}

// fakeJournal gives the unit under test the keys of a producing unit.
type fakeJournal struct {
	platformv1.UnimplementedJournalServiceServer
	keys *journal.Keys
}

func (f *fakeJournal) GetFrameKey(ctx context.Context, r *platformv1.GetFrameKeyRequest) (*platformv1.GetFrameKeyResponse, error) {
	key, err := f.keys.Export(ctx, r.GetKeyId(), authn.CallingUnit(ctx))
	switch {
	case errors.Is(err, journal.ErrKeyDestroyed):
		return nil, fault.New(fault.NotFound, "", authn.ReasonKeySetUnavailable, "")
	case err != nil:
		return nil, fault.New(fault.Conflict, "", authn.ReasonKeySetUnavailable, "")
	}
	return &platformv1.GetFrameKeyResponse{Key: key}, nil
}

// journals serves the keys of every producer the unit reads.
func (b *Bench) journals(t testing.TB, neighbours map[string]func(grpc.ServiceRegistrar)) {
	t.Helper()
	served := map[string]bool{b.unit.Name: true}
	for _, spec := range b.unit.Reads {
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

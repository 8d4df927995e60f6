package address

import (
	"context"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// fakeIntake seals like intake, and answers for what it has sealed.
type fakeIntake struct {
	*unittest.Maker
	intakev1.UnimplementedIntakeLookupServiceServer

	mu     sync.Mutex
	sealed map[string][]byte
	// asked are the documents that were asked for.
	asked []string
	down  bool
}

func (i *fakeIntake) register(r grpc.ServiceRegistrar) {
	i.Register(r)
	intakev1.RegisterIntakeLookupServiceServer(r, i)
}

func (i *fakeIntake) seal(t testing.TB, edoc string, described []byte) []byte {
	t.Helper()
	value := i.Seal(t, edoc, described)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sealed == nil {
		i.sealed = map[string][]byte{}
	}
	i.sealed[edoc] = value
	return value
}

func (i *fakeIntake) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func (i *fakeIntake) askedFor() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Compact(slices.Clone(i.asked))
}

func (i *fakeIntake) GetSealedRecipient(_ context.Context, r *intakev1.GetSealedRecipientRequest) (*intakev1.GetSealedRecipientResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked = append(i.asked, r.GetEdocNum())
	if i.down {
		return nil, fault.New(fault.Unavailable, "intake", nil, "")
	}
	return &intakev1.GetSealedRecipientResponse{SealedRecipient: i.sealed[r.GetEdocNum()]}, nil
}

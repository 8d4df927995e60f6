package allinone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/naru-relay/naru/pkg/rest"

	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// fileRelay connects the sandbox viewing system to the relay. The credentials exist only after an operator has made the viewing
// system a principal, so fileRelay reads them from a file at the first call, and again when the file changes.
type fileRelay struct {
	baseURL, file string

	mu     sync.Mutex
	known  endpoints.Credentials
	client *viewingkit.RelayClient
}

var _ viewingkit.Relay = (*fileRelay)(nil)

var errNoCredentials = errors.New("the viewing system has no credentials at the relay yet")

// VerifyToken implements viewingkit.Relay.
func (r *fileRelay) VerifyToken(ctx context.Context, token, requestID string) (viewingkit.Verified, error) {
	client, err := r.current()
	if err != nil {
		return viewingkit.Verified{}, err
	}
	return client.VerifyToken(ctx, token, requestID)
}

// ReportRead implements viewingkit.Relay.
func (r *fileRelay) ReportRead(ctx context.Context, report viewingkit.ReadReport) error {
	client, err := r.current()
	if err != nil {
		return err
	}
	return client.ReportRead(ctx, report)
}

func (r *fileRelay) current() (*viewingkit.RelayClient, error) {
	found, err := endpoints.ReadCredentials(r.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoCredentials
	}
	if err != nil {
		return nil, fmt.Errorf("read the viewing system's credentials: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil && r.known == found {
		return r.client, nil
	}
	client, err := viewingkit.NewRelay(rest.Options{BaseURL: r.baseURL, ClientID: found.ClientID, ClientSecret: found.ClientSecret})
	if err != nil {
		return nil, err
	}
	r.known, r.client = found, client
	return client, nil
}

package harness

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// kst is the hub's time zone.
var kst = time.FixedZone("KST", 9*60*60)

// HubTime formats a time as the hub does: KST, whole seconds.
func HubTime(t time.Time) string { return t.In(kst).Format(time.DateTime) }

// Misbehaviour is a scenario that the sandbox hub performs.
type Misbehaviour struct {
	stack *Stack
	id    string
}

// Misbehave makes the sandbox hub perform a scenario until End, at most until the test ends. A scenario without an edoc number
// affects every caller of the hub, so only tests that run alone may use it.
func (s *Stack) Misbehave(t testing.TB, sc scenario.Scenario) *Misbehaviour {
	t.Helper()
	m := &Misbehaviour{stack: s, id: strings.ToLower("e2e-" + rand.Text())}
	s.Sandbox(t, s.Endpoints.Sandbox.Hub, http.MethodPut, "/sandbox/scenarios/"+m.id, sc, nil)
	t.Cleanup(func() {
		// The context of the test has ended by now.
		answer, err := s.administerHub(context.WithoutCancel(t.Context()), http.MethodDelete, "/sandbox/scenarios/"+m.id)
		if err != nil || (answer.Status != http.StatusNoContent && answer.Status != http.StatusNotFound) {
			t.Errorf("a scenario of the hub was not ended: %d %v", answer.Status, err)
		}
	})
	return m
}

// Taken returns how often the scenario was applied.
func (m *Misbehaviour) Taken(t testing.TB) int {
	t.Helper()
	var list struct{ Scenarios []scenario.Scenario }
	m.stack.Sandbox(t, m.stack.Endpoints.Sandbox.Hub, http.MethodGet, "/sandbox/scenarios", nil, &list)
	for _, sc := range list.Scenarios {
		if sc.ID == m.id {
			return sc.Taken
		}
	}
	t.Fatalf("the hub does not know scenario %s", m.id)
	return 0
}

// End ends the scenario.
func (m *Misbehaviour) End(t testing.TB) {
	t.Helper()
	answer, err := m.stack.administerHub(t.Context(), http.MethodDelete, "/sandbox/scenarios/"+m.id)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, answer.Status)
}

// administerHub calls the hub's operator interface. The caller judges the answer.
func (s *Stack) administerHub(ctx context.Context, method, path string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.Endpoints.Sandbox.Hub+path, http.NoBody)
	if err != nil {
		return Answer{}, fmt.Errorf("ask the hub: %w", err)
	}
	token, err := os.ReadFile(s.Endpoints.Sandbox.AdminToken)
	if err != nil {
		return Answer{}, fmt.Errorf("ask the hub: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return send(request)
}

// HubRecord is a circulation record of the sandbox hub.
type HubRecord struct {
	EdocNum, RegisteredBy, RegisteredAt string
	SendEaddr, RecvEaddr                string
	SendPlatformID, RecvPlatformID      string
	SendDate, RecvDate, ReadDate        string
	ContentHash                         string
}

// AtHub returns the sandbox hub's record of a document, and false if there is none.
func (s *Stack) AtHub(t testing.TB, edocNum string) (HubRecord, bool) {
	t.Helper()
	answer, err := s.administerHub(t.Context(), http.MethodGet, "/sandbox/circulations/"+edocNum)
	require.NoError(t, err)
	if answer.Status == http.StatusNotFound {
		return HubRecord{}, false
	}
	var record HubRecord
	answer.Into(t, &record)
	require.Equal(t, edocNum, record.EdocNum)
	return record, true
}

// Peer is another relay platform at the sandbox hub.
type Peer struct {
	ID    string
	stack *Stack
	token string
}

// NewPeer registers another platform at the hub and gets a token for it.
func (s *Stack) NewPeer(t testing.TB) *Peer {
	t.Helper()
	suffix := strings.ToLower(rand.Text()[:10])
	p := &Peer{ID: "peer-" + suffix + "-sandbox", stack: s}
	client, secret := "client-"+suffix, rand.Text()
	s.Sandbox(t, s.Endpoints.Sandbox.Hub, http.MethodPost, "/sandbox/platforms",
		map[string]string{"platformId": p.ID, "clientId": client, "clientSecret": secret, "name": "시험용 다른 중계자"}, nil)
	var token struct{ AccessToken string }
	p.call(t, "/auth/token", map[string]any{"grantType": 0, "clientId": client, "clientSecret": secret}, &token)
	require.NotEmpty(t, token.AccessToken)
	p.token = token.AccessToken
	return p
}

// Register registers an address for the person at the peer and returns it.
func (p *Peer) Register(t testing.TB, person Person) string {
	t.Helper()
	address := "peer-" + strings.ToLower(rand.Text()[:12])
	p.call(t, "/api/eaddr", map[string]any{
		"idn": person.CI, "eaddr": address, "name": person.Name, "type": 0, "regDate": HubTime(clock.System().Now()),
		"birthDate": person.BirthDate, "phone": person.Phone,
	}, nil)
	return address
}

// call calls the hub interface. An answer that is not a success fails the test.
func (p *Peer) call(t testing.TB, path string, body, into any) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.stack.Endpoints.Sandbox.Hub+path, bytes.NewReader(raw))
	require.NoError(t, err)
	request.Header.Set("platform-id", p.ID)
	request.Header.Set("req-UUID", uuid.NewString())
	request.Header.Set("req-date", HubTime(clock.System().Now()))
	request.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := send(request)
	require.NoError(t, err)
	var head struct{ ResultCode int }
	answer.Into(t, &head)
	require.Equal(t, 1, head.ResultCode, "%s: %s", path, answer.Body)
	if into != nil {
		answer.Into(t, into)
	}
}

// Try sends a request like Do. It is for goroutines: it returns errors instead of failing the test.
func (c *Caller) Try(ctx context.Context, method, path string, body any) (Answer, error) {
	return c.do(ctx, method, path, body)
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const (
	// memberPoll is the pause between two checks whether a member's address is registered. watching is how many members are
	// checked at once: addresses are registered many at a time.
	memberPoll = 200 * time.Millisecond
	watching   = 4
	// joining is how many persons join at once.
	joining = 24
	// sessionAge is how long a session is used; it is valid for 10 minutes.
	sessionAge = 5 * time.Minute
)

// member is an invented person who has joined.
type member struct {
	id, ci  string
	session string
	since   time.Time
}

// join creates invented persons, numbered from first on, and makes them join with consent, through the public doors. It returns
// after all their addresses are registered at the hub.
func (s *stack) join(ctx context.Context, conn grpc.ClientConnInterface, first, count int) ([]member, error) {
	members := make([]member, count)
	membership := addressv1.NewMembershipServiceClient(conn)
	err := each(ctx, joining, count, func(ctx context.Context, i int) error {
		var person struct{ CI string }
		m, n := &members[i], first+i
		m.id = fmt.Sprintf("bench-%d", n)
		if err := s.administer(ctx, http.MethodPost, s.Sandbox.IDP+"/sandbox/persons", map[string]string{
			"id": m.id, "name": "시험" + string([]rune{'가' + rune(n%1000), '나' + rune(n/1000)}), "birthDate": "19700101", "phone": fmt.Sprintf("010%08d", 10000000+n),
		}, &person); err != nil {
			return err
		}
		m.ci = person.CI
		if err := s.renew(ctx, conn, m); err != nil {
			return err
		}
		if _, err := membership.Join(m.as(ctx), &addressv1.JoinRequest{TermsVersion: "bench-1", Consent: true, DesignateInbox: true}); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return members, each(ctx, watching, count, func(ctx context.Context, i int) error {
		if err := s.renew(ctx, conn, &members[i]); err != nil {
			return err
		}
		if err := poll(ctx, memberPoll, func() (bool, error) {
			got, err := membership.GetMembership(members[i].as(ctx), &addressv1.GetMembershipRequest{})
			return got.GetMembership().GetState() == addressv1.MemberState_MEMBER_STATE_ACTIVE, err
		}); err != nil {
			return fmt.Errorf("await membership: %w", err)
		}
		return nil
	})
}

// as returns a context whose calls carry the member's session.
func (m *member) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+m.session)
}

// renew logs a member in if its session is old or missing.
func (s *stack) renew(ctx context.Context, conn grpc.ClientConnInterface, m *member) (err error) {
	if now := s.clock.Now(); m.session == "" || now.Sub(m.since) > sessionAge {
		m.since = now
		m.session, err = s.logIn(ctx, conn, m.id)
	}
	return err
}

// logIn proves a person's identity and returns a session token.
func (s *stack) logIn(ctx context.Context, conn grpc.ClientConnInterface, person string) (string, error) {
	sessions := viewingv1.NewSessionServiceClient(conn)
	started, err := sessions.StartSession(ctx, &viewingv1.StartSessionRequest{RedirectUri: s.Sandbox.RedirectURI})
	if err != nil {
		return "", fmt.Errorf("start session: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, started.GetAuthorizationUrl()+"&login_hint="+person, nil)
	if err != nil {
		return "", fmt.Errorf("prove identity: %w", err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(request)
	if err != nil {
		return "", fmt.Errorf("prove identity: %w", err)
	}
	defer response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return "", fmt.Errorf("the identity provider gave no code, but %s", response.Status)
	}
	session, err := sessions.CompleteSession(ctx, &viewingv1.CompleteSessionRequest{State: started.GetState(), Code: back.Query().Get("code")})
	if err != nil {
		return "", fmt.Errorf("complete session: %w", err)
	}
	return session.GetSessionToken(), nil
}

// administer calls the operator's interface of a sandbox system.
func (s *stack) administer(ctx context.Context, method, address string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("call the sandbox: %w", err)
	}
	admin, err := os.ReadFile(s.Sandbox.AdminToken)
	if err != nil {
		return fmt.Errorf("read the sandbox's token: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(admin)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("call the sandbox: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the sandbox answered %s: %s", response.Status, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the sandbox's answer: %w", err)
	}
	return nil
}

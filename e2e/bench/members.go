package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const (
	memberPoll     = 50 * time.Millisecond
	maxAnswerBytes = 1 << 20
)

// withToken gives a context whose calls carry an access token of the seeded institution.
func (r *relay) withToken(ctx context.Context, conn grpc.ClientConnInterface) (context.Context, error) {
	raw, err := os.ReadFile(r.Endpoints.Demo.Institution)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	var c struct{ ClientID, ClientSecret string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, errors.New("credentials cannot be read")
	}
	token, err := gatewayv1.NewTokenServiceClient(conn).IssueToken(ctx, &gatewayv1.IssueTokenRequest{ClientId: c.ClientID, ClientSecret: c.ClientSecret})
	if err != nil {
		return nil, fmt.Errorf("get token: %w", err)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.GetAccessToken()), nil
}

// join makes invented persons and lets them join, with consent, through the public door. It tells their CIs once all their addresses are
// registered at the hub.
func (r *relay) join(ctx context.Context, conn grpc.ClientConnInterface, members int) ([]string, error) {
	cis, sessions := make([]string, members), make([]context.Context, members)
	membership := addressv1.NewMembershipServiceClient(conn)
	for i := range members {
		var person struct{ CI string }
		id := fmt.Sprintf("bench-%d", i)
		if err := r.sandbox(ctx, http.MethodPost, r.Endpoints.Sandbox.IDP+"/sandbox/persons", map[string]string{
			"id": id, "name": "시험" + string([]rune{'가' + rune(i%100), '나' + rune(i/100)}), "birthDate": "19700101", "phone": fmt.Sprintf("0100000%04d", 1000+i%9000),
		}, &person); err != nil {
			return nil, err
		}
		session, err := r.logIn(ctx, conn, id)
		if err != nil {
			return nil, err
		}
		cis[i], sessions[i] = person.CI, metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+session)
		if _, err := membership.Join(sessions[i], &addressv1.JoinRequest{TermsVersion: "bench-1", Consent: true, DesignateInbox: true}); err != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
	}
	for _, session := range sessions {
		if err := poll(ctx, memberPoll, func() (bool, error) {
			got, err := membership.GetMembership(session, &addressv1.GetMembershipRequest{})
			return got.GetMembership().GetState() == addressv1.MemberState_MEMBER_STATE_ACTIVE, err
		}); err != nil {
			return nil, fmt.Errorf("await membership: %w", err)
		}
	}
	return cis, nil
}

// logIn proves a person's identity and gives a session token.
func (r *relay) logIn(ctx context.Context, conn grpc.ClientConnInterface, person string) (string, error) {
	sessions := viewingv1.NewSessionServiceClient(conn)
	started, err := sessions.StartSession(ctx, &viewingv1.StartSessionRequest{RedirectUri: r.Endpoints.Sandbox.RedirectURI})
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

// sandbox calls an operator interface of a sandbox system.
func (r *relay) sandbox(ctx context.Context, method, address string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("call the sandbox: %w", err)
	}
	admin, err := os.ReadFile(r.Endpoints.Sandbox.AdminToken)
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

// poll looks until done, with a pause between two looks.
func poll(ctx context.Context, pause time.Duration, done func() (bool, error)) error {
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

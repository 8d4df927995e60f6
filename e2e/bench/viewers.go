package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	// tooEarly is how long a recipient waits before asking again for a document that has not arrived.
	tooEarly   = 100 * time.Millisecond
	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// viewers are recipients who view over the REST door, and their viewing system.
type viewers struct {
	chain  *chain
	rest   *rest
	system *client
}

func (c *chain) viewers() (*viewers, error) {
	system, err := c.stack.clientOf(c.conns[0], c.stack.Sandbox.ViewingCredentials)
	if err != nil {
		return nil, err
	}
	return &viewers{chain: c, rest: c.stack.rest(), system: system}, nil
}

// logIn gives new sessions to the recipients of a round's first documents.
func (v *viewers) logIn(ctx context.Context, documents int) error {
	return each(ctx, joining, min(documents, len(v.chain.members)), func(ctx context.Context, i int) error {
		return v.chain.stack.renew(ctx, v.chain.conns[0], &v.chain.members[i])
	})
}

// view makes one viewing: the recipient gets a token, the viewing system verifies it and reports the read time.
func (v *viewers) view(ctx context.Context, viewer *member, edocNum string, item *intakev1.SendItem) error {
	system, err := v.system.bearer(ctx)
	if err != nil {
		return err
	}
	var token struct{ Token string }
	for {
		err := v.rest.call(ctx, viewer.session, http.MethodPost, "/v1/inbox/"+edocNum+":view", []byte("{}"), &token)
		var refused refusal
		if errors.As(err, &refused) && (refused.status == http.StatusNotFound || refused.status == http.StatusServiceUnavailable) {
			err = wait(ctx, tooEarly)
		}
		if err != nil {
			return fmt.Errorf("issue a viewing token: %w", err)
		}
		if token.Token != "" {
			break
		}
	}
	body, err := json.Marshal(map[string]string{"token": token.Token, "requestId": uuid.NewString()})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	var verified struct{ VerificationID string }
	if err := v.rest.call(ctx, system, http.MethodPost, "/v1/viewing/tokens:verify", body, &verified); err != nil {
		return fmt.Errorf("verify a viewing token: %w", err)
	}
	record := sha256.Sum256([]byte(verified.VerificationID))
	body, err = json.Marshal(map[string]any{
		"verificationId": verified.VerificationID, "readAt": v.chain.stack.clock.Now().UTC().Format(timeLayout),
		"shownHash": map[string]string{"algorithm": "SHA-256", "value": item.GetDocumentHash().GetValue()}, "logDigest": hex.EncodeToString(record[:]),
	})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if err := v.rest.call(ctx, system, http.MethodPost, "/v1/documents/"+edocNum+":reportRead", body, nil); err != nil {
		return fmt.Errorf("report a reading: %w", err)
	}
	return nil
}

package viewingkit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/rest"
)

// Relay is the relay (중계자) the document was sent through.
type Relay interface {
	// VerifyToken has a viewing token verified (guide ❻, 열람인증토큰 검증). The same token with the same requestID may be asked for
	// again at once.
	VerifyToken(ctx context.Context, token, requestID string) (Verified, error)
	// ReportRead tells the relay when a document was shown. It is idempotent per verification: the first accepted report wins.
	ReportRead(ctx context.Context, report ReadReport) error
}

// Verified is what a relay says about a good token.
type Verified struct {
	EdocNum        string    `json:"edocNum"`
	VerificationID string    `json:"verificationId"`
	VerifiedAt     time.Time `json:"verifiedAt"`
	// DocumentHash is the sent hash, RegisteredHash that of the registration certificate (최초등록증명서).
	DocumentHash     Hash   `json:"documentHash"`
	AttachmentHashes []Hash `json:"attachmentHashes"`
	RegisteredHash   Hash   `json:"registeredHash"`
	// RegistrationCertificateDigest is the SHA-256 of that certificate, hexadecimal.
	RegistrationCertificateDigest string    `json:"registrationCertificateDigest"`
	Recipient                     Recipient `json:"recipient"`
	ViewingDeadline               time.Time `json:"viewingDeadline"`
}

// ReadReport says that and when a document was shown (guide 5.1.1 7)).
type ReadReport struct {
	EdocNum        string `json:"edocNum"`
	VerificationID string `json:"verificationId"`
	// ReadAt is UTC with microseconds, taken after the last byte was written.
	ReadAt    time.Time `json:"readAt"`
	ShownHash Hash      `json:"shownHash"`
	// LogDigest is the digest of the log record of the check, hexadecimal.
	LogDigest string `json:"logDigest"`
	// ReportedAt is this system's clock at the attempt to report; the Reporter sets it.
	ReportedAt time.Time `json:"-"`
}

// MayHeal reports whether a refusal of a report may end by itself: a read time that is after the relay's present, because this
// system's clock is ahead, is in its past soon.
func MayHeal(err error) bool {
	var problem *rest.Problem
	return errors.As(err, &problem) && problem.Reason == "READ_TIME_OUT_OF_WINDOW"
}

// IsRefused reports whether the relay judged and said no, so that repeating the call cannot help. 401 is a judgement about the
// viewing token only when the relay says so; otherwise, and at the token endpoint, it is about our own credentials.
func IsRefused(err error) bool {
	var problem *rest.Problem
	if !errors.As(err, &problem) || problem.Path == rest.TokenPath {
		return false
	}
	switch problem.Status {
	case http.StatusUnauthorized:
		return slices.Contains([]string{"TOKEN_MALFORMED", "TOKEN_FORGED", "TOKEN_EXPIRED", "TOKEN_FOREIGN", "TOKEN_REPLAYED"}, problem.Reason)
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone,
		http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return true
	default:
		return false
	}
}

// RelayClient speaks to a relay's REST interface. It is safe for concurrent use.
type RelayClient struct{ door *rest.Client }

const (
	relayTimeout  = 10 * time.Second
	maxRelayBytes = 256 << 10
)

// verifyPauses are the pauses between attempts to verify: a verification whose answer was lost may be repeated with its request
// id for a minute.
func verifyPauses() []time.Duration {
	return []time.Duration{100 * time.Millisecond, 400 * time.Millisecond}
}

// NewRelay makes a client with the credentials of the viewing system; it makes no call. Without an HTTP client it has one with a
// timeout of 10 s.
func NewRelay(o rest.Options) (*RelayClient, error) {
	if o.ClientID == "" || o.ClientSecret == "" {
		return nil, errors.New("make relay client: client id and secret are required")
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: relayTimeout}
	}
	o.Untraced, o.MaxAnswer = true, maxRelayBytes
	door, err := rest.New(o)
	if err != nil {
		return nil, fmt.Errorf("make relay client: %w", err)
	}
	return &RelayClient{door: door}, nil
}

// VerifyToken implements Relay. It repeats a call that got no answer, with the same request id, twice.
func (c *RelayClient) VerifyToken(ctx context.Context, token, requestID string) (Verified, error) {
	request := map[string]string{"token": token, "requestId": requestID}
	for attempt := 0; ; attempt++ {
		var v Verified
		err := c.door.JSON(ctx, http.MethodPost, "/v1/viewing/tokens:verify", nil, request, &v)
		if err == nil {
			if v.EdocNum == "" || v.VerificationID == "" || v.VerifiedAt.IsZero() {
				return Verified{}, errors.New("verify token: the answer lacks required fields")
			}
			return v, nil
		}
		pauses := verifyPauses()
		if attempt == len(pauses) || !lostOnTheWay(err) || lifecycle.Wait(ctx, pauses[attempt]) != nil {
			return Verified{}, err
		}
	}
}

// ReportRead implements Relay with one attempt; a Reporter repeats it.
func (c *RelayClient) ReportRead(ctx context.Context, r ReadReport) error {
	return c.door.JSON(ctx, http.MethodPost, "/v1/documents/"+url.PathEscape(r.EdocNum)+":reportRead", nil, map[string]any{
		"reportedAt": r.ReportedAt.UTC().Format(timeLayout), "verificationId": r.VerificationID, "readAt": r.ReadAt.UTC().Format(timeLayout), "shownHash": r.ShownHash, "logDigest": r.LogDigest,
	}, nil)
}

// timeLayout is RFC 3339 UTC with exactly six fractional digits.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// lostOnTheWay reports whether a call may not have arrived. After a refusal for too many calls it has arrived.
func lostOnTheWay(err error) bool {
	var problem *rest.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusTooManyRequests {
		return false
	}
	_, again := rest.Retryable(err)
	return again
}

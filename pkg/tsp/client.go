package tsp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"
)

// Authority is a time-stamping authority that is asked.
type Authority struct {
	// Name for operators.
	Name string
	// URL that takes requests (RFC 3161 section 3.4).
	URL string
	// HTTP holds time-outs and the trusted roots of the connection.
	HTTP *http.Client
	// Trust of its tokens.
	Trust Trust
	// Policy that is asked for; nil for its own.
	Policy asn1.ObjectIdentifier
}

// Client asks one authority after the other.
type Client struct {
	authorities []Authority
	now         func() time.Time
}

// NewClient makes a client of the authorities, in the order in which they are asked; now is the time of the judgement.
func NewClient(now func() time.Time, authorities ...Authority) (*Client, error) {
	if len(authorities) == 0 || now == nil {
		return nil, errors.New("make time stamp client: an authority and a clock are required")
	}
	for _, a := range authorities {
		if a.URL == "" || a.HTTP == nil || a.Trust.Roots == nil {
			return nil, errors.New("make time stamp client: address, client and roots are required of each authority")
		}
	}
	return &Client{authorities: authorities, now: now}, nil
}

// Stamp has a hash stamped by the first authority that does it. The error joins what each of them failed with.
func (c *Client) Stamp(ctx context.Context, hash [sha256.Size]byte) (der []byte, token *Token, err error) {
	var failures []error
	for _, a := range c.authorities {
		if der, token, err = a.stamp(ctx, hash, c.now); err == nil {
			return der, token, nil
		}
		failures = append(failures, fmt.Errorf("have %s stamp the time: %w", a.Name, err))
	}
	return nil, nil, errors.Join(failures...)
}

func (a Authority) stamp(ctx context.Context, hash [sha256.Size]byte, now func() time.Time) ([]byte, *Token, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, nil, fmt.Errorf("draw nonce: %w", err)
	}
	query, err := Request{Hash: hash, Nonce: nonce, Policy: a.Policy, Certificates: true}.Encode()
	if err != nil {
		return nil, nil, err
	}
	answer, err := a.call(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	der, err := ParseResponse(answer)
	if err != nil {
		return nil, nil, err
	}
	token, err := Judge(der, hash, a.Trust, now())
	if err != nil {
		return nil, nil, err
	}
	if token.Nonce != nonce.String() {
		return nil, nil, errors.New("the time stamp is the answer to another request")
	}
	if a.Policy != nil && token.Policy != a.Policy.String() {
		return nil, nil, &Failure{Check: ErrPolicy, Detail: "issued under another policy than was asked for"}
	}
	return der, token, nil
}

// call sends a request. Errors repeat nothing of the answer.
func (a Authority) call(ctx context.Context, query []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("address of the authority: %w", err)
	}
	request.Header.Set("Content-Type", MediaQuery)
	response, err := a.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("not reached: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxResponseBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("answer did not arrive whole: %w", err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("answered with status %d", response.StatusCode)
	case response.Header.Get("Content-Type") != MediaReply:
		return nil, errors.New("answered with another media type")
	}
	return answer, nil
}

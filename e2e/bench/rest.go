package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

const (
	// restConnections is the number of connections that the rows over REST keep open.
	restConnections = 64
	maxAnswerBytes  = 1 << 20
)

// rest calls the REST door over a fixed number of open connections.
type rest struct {
	base   string
	client *http.Client
}

func (s *stack) rest() *rest {
	return &rest{base: s.REST, client: &http.Client{Transport: &http.Transport{
		MaxIdleConns: restConnections, MaxIdleConnsPerHost: restConnections, MaxConnsPerHost: restConnections,
	}}}
}

func (r *rest) close() { r.client.CloseIdleConnections() }

// refusal is an answer that is not a success.
type refusal struct {
	status int
	body   []byte
}

func (r refusal) Error() string { return fmt.Sprintf("the relay answered %d: %s", r.status, r.body) }

// call calls the door; into may be nil.
func (r *rest) call(ctx context.Context, bearer, method, path string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	return r.do(request, bearer, into)
}

// do sends a request as the bearer; into may be nil.
func (r *rest) do(request *http.Request, bearer string, into any) error {
	path := request.URL.Path
	request.Header.Set("Authorization", "Bearer "+bearer)
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal{response.StatusCode, answer}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

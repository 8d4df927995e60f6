package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	// MaxAnswerBytes bounds a JSON answer.
	MaxAnswerBytes = 8 << 20
	// maxProblemBytes bounds a problem document.
	maxProblemBytes = 1 << 20
)

// ErrAnswerTooLarge is wrapped when an answer exceeds its limit.
var ErrAnswerTooLarge = errors.New("answer is larger than its limit")

// Options of New.
type Options struct {
	// BaseURL of the door, e.g. https://relay.example; required. http only for loopback addresses.
	BaseURL string
	// HTTP carries trust and time-outs; required.
	HTTP *http.Client
	// ClientID and ClientSecret are OAuth2 client credentials; both or neither.
	ClientID, ClientSecret string
}

// Client speaks to one door as one caller. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	http   *http.Client
	oauth  *clientcredentials.Config
	bearer string

	mu    sync.Mutex
	token *oauth2.Token
}

// New checks the options; it makes no call.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || !safe(base) {
		return nil, errors.New("make REST client: the address must be https://…, or http://… on this machine")
	}
	if o.HTTP == nil {
		return nil, errors.New("make REST client: no HTTP client")
	}
	if (o.ClientID == "") != (o.ClientSecret == "") {
		return nil, errors.New("make REST client: client id and secret go together")
	}
	transport := *o.HTTP
	transport.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{base: base, http: &transport}
	if o.ClientID != "" {
		c.oauth = &clientcredentials.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret,
			TokenURL: base.JoinPath("oauth2", "token").String(), AuthStyle: oauth2.AuthStyleInHeader,
		}
	}
	return c, nil
}

// WithBearer is a client of the same door that presents a token it was given.
func (c *Client) WithBearer(token string) *Client {
	return &Client{base: c.base, http: c.http, bearer: token}
}

// BaseURL of the door.
func (c *Client) BaseURL() string { return c.base.String() }

func safe(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()))
}

// Call makes a call whose body and answer are messages in proto's JSON; in and out may be nil.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, in, out proto.Message) error {
	var body []byte
	if in != nil {
		raw, err := protojson.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s: %w", path, err)
		}
		body = raw
	}
	return c.exchange(ctx, method, path, query, body, func(raw []byte) error {
		if out == nil {
			return nil
		}
		// A newer relay may know more fields.
		return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, out)
	})
}

// JSON makes a call whose body and answer are plain JSON; in and out may be nil.
func (c *Client) JSON(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body []byte
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s: %w", path, err)
		}
		body = raw
	}
	return c.exchange(ctx, method, path, query, body, func(raw []byte) error {
		if out == nil {
			return nil
		}
		return json.Unmarshal(raw, out)
	})
}

// Upload sends a body of another kind, once, and reads JSON into out.
func (c *Client) Upload(ctx context.Context, path, contentType string, body io.Reader, out any) error {
	response, err := c.do(ctx, http.MethodPost, path, nil, contentType, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return readAnswer(http.MethodPost, path, response, func(raw []byte) error { return json.Unmarshal(raw, out) })
}

// Download writes an answer of at most limit bytes to w and tells its media type.
func (c *Client) Download(ctx context.Context, path string, limit int64, w io.Writer) (string, error) {
	response, err := c.again(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	n, err := io.Copy(w, io.LimitReader(response.Body, limit+1))
	if err != nil {
		return "", fmt.Errorf("GET %s: read answer: %w", path, err)
	}
	if n > limit {
		return "", fmt.Errorf("GET %s: %w", path, ErrAnswerTooLarge)
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return "", fmt.Errorf("GET %s: media type of the answer: %w", path, err)
	}
	return media, nil
}

func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, body []byte, read func([]byte) error) error {
	response, err := c.again(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return readAnswer(method, path, response, read)
}

func readAnswer(method, path string, response *http.Response, read func([]byte) error) error {
	raw, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswerBytes+1))
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if len(raw) > MaxAnswerBytes {
		return fmt.Errorf("%s %s: %w", method, path, ErrAnswerTooLarge)
	}
	if len(raw) == 0 {
		return nil
	}
	if err := read(raw); err != nil {
		return fmt.Errorf("%s %s: the answer is not what was expected: %w", method, path, err)
	}
	return nil
}

// again makes a call, and once more with a fresh token when the door no longer takes the kept one.
func (c *Client) again(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	for try := 1; ; try++ {
		var reader io.Reader
		contentType := ""
		if body != nil {
			reader, contentType = bytes.NewReader(body), "application/json"
		}
		response, err := c.do(ctx, method, path, query, contentType, reader)
		var problem *Problem
		if try > 1 || c.oauth == nil || !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized || problem.Path != path {
			return response, err
		}
		c.forget()
	}
}

// do makes one call; an answer of another status than 2xx is a *Problem.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	token, err := c.currentToken(ctx)
	if err != nil {
		return nil, err
	}
	// Joined as text: JoinPath would unescape what the caller has escaped.
	target := strings.TrimSuffix(c.base.String(), "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: make request: %w", method, path, err)
	}
	request.Header.Set("Accept", "application/json, application/problem+json, */*;q=0.5")
	request.Header.Set("Traceparent", traceOf(ctx).parent())
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &TransportError{Method: method, Path: path, Cause: withoutURL(err)}
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, readProblem(method, path, response)
}

func (c *Client) currentToken(ctx context.Context) (string, error) {
	if c.oauth == nil {
		return c.bearer, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Valid() {
		return c.token.AccessToken, nil
	}
	token, err := c.oauth.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		return "", tokenProblem(err)
	}
	c.token = token
	return token.AccessToken, nil
}

func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = nil
}

// tokenProblem makes the token endpoint's refusal a *Problem; it may answer in the RFC 6749 form.
func tokenProblem(err error) error {
	const path = "/oauth2/token"
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return &TransportError{Method: http.MethodPost, Path: path, Cause: withoutURL(err)}
	}
	response := *refused.Response
	response.Body = io.NopCloser(bytes.NewReader(refused.Body))
	problem := readProblem(http.MethodPost, path, &response)
	if refused.ErrorCode != "" && problem.Reason == "" {
		problem.Reason, problem.Detail = strings.ToUpper(refused.ErrorCode), refused.ErrorDescription
	}
	return problem
}

// withoutURL takes the URL out of an error of net/http: a viewing URL carries a token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

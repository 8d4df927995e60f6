package rest

import (
	"bytes"
	"cmp"
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
	// MaxAnswerBytes bounds a JSON answer, unless the options say otherwise.
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
	// Scopes asked for; none asks for what the client has.
	Scopes []string
	// Untraced makes calls without a traceparent, so the server decides which of them are recorded.
	Untraced bool
	// MaxAnswer bounds a JSON answer, in bytes; 0 means MaxAnswerBytes.
	MaxAnswer int64
}

// Client speaks to one door as one caller. It is safe for concurrent use.
type Client struct {
	door
	bearer string
	logIn  func(ctx context.Context) (*oauth2.Token, error)

	mu    sync.Mutex
	token *oauth2.Token
}

// door is what the clients of one door have in common.
type door struct {
	base      *url.URL
	http      *http.Client
	untraced  bool
	maxAnswer int64
}

// New checks the options; it makes no call.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || !Safe(base) {
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
	c := &Client{door: door{base: base, http: &transport, untraced: o.Untraced, maxAnswer: cmp.Or(o.MaxAnswer, MaxAnswerBytes)}}
	if o.ClientID != "" {
		oauth := &clientcredentials.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: o.Scopes,
			TokenURL: base.JoinPath(TokenPath).String(), AuthStyle: oauth2.AuthStyleInHeader,
		}
		c.logIn = func(ctx context.Context) (*oauth2.Token, error) {
			token, err := oauth.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
			if err != nil {
				return nil, tokenProblem(err)
			}
			return token, nil
		}
	}
	return c, nil
}

// WithBearer is a client of the same door that presents a token it was given.
func (c *Client) WithBearer(token string) *Client {
	return &Client{door: c.door, bearer: token}
}

// WithLogIn is a client of the same door that gets its tokens in another way than OAuth2.
func (c *Client) WithLogIn(logIn func(ctx context.Context) (*oauth2.Token, error)) *Client {
	return &Client{door: c.door, logIn: logIn}
}

// Safe reports whether secrets may travel to an address: https, or http on this machine itself.
func Safe(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()))
}

// Call makes a call whose body and answer are messages in proto's JSON; in and out may be nil.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, in, out proto.Message) error {
	// A newer relay may know more fields.
	read := protojson.UnmarshalOptions{DiscardUnknown: true}
	return exchange(ctx, c, method, path, query, in, out, protojson.Marshal, read.Unmarshal)
}

// JSON makes a call whose body and answer are plain JSON; in and out may be nil.
func (c *Client) JSON(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return exchange(ctx, c, method, path, query, in, out, json.Marshal, json.Unmarshal)
}

// Download writes an answer of at most limit bytes to w and returns its media type.
func (c *Client) Download(ctx context.Context, path string, limit int64, w io.Writer) (string, error) {
	response, err := c.Open(ctx, http.MethodGet, path)
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

func exchange[M any](ctx context.Context, c *Client, method, path string, query url.Values, in, out M,
	encode func(M) ([]byte, error), decode func([]byte, M) error,
) error {
	var open func() (io.Reader, error)
	if any(in) != nil {
		raw, err := encode(in)
		if err != nil {
			return fmt.Errorf("encode %s: %w", path, err)
		}
		open = func() (io.Reader, error) { return bytes.NewReader(raw), nil }
	}
	response, err := c.again(ctx, method, path, query, contentType("application/json"), open)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.readAnswer(method, path, response, func(raw []byte) error {
		if any(out) == nil {
			return nil
		}
		return decode(raw, out)
	})
}

// readAnswer reads JSON, or an empty answer.
func (d door) readAnswer(method, path string, response *http.Response, read func([]byte) error) error {
	raw, err := io.ReadAll(io.LimitReader(response.Body, d.maxAnswer+1))
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if int64(len(raw)) > d.maxAnswer {
		return fmt.Errorf("%s %s: %w", method, path, ErrAnswerTooLarge)
	}
	if len(raw) == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fmt.Errorf("%s %s: the answer is not what was expected: it is not JSON", method, path)
	}
	if err := read(raw); err != nil {
		return fmt.Errorf("%s %s: the answer is not what was expected: %w", method, path, err)
	}
	return nil
}

// Open makes a call without a body and gives the answer as it comes; the caller closes its body.
func (c *Client) Open(ctx context.Context, method, path string) (*http.Response, error) {
	return c.again(ctx, method, path, nil, nil, nil)
}

func contentType(media string) http.Header { return http.Header{"Content-Type": {media}} }

// again makes a call, and repeats it once with a fresh token if the server no longer accepts the kept one. open returns the body
// again for each try, of which the header tells; nil for none.
func (c *Client) again(
	ctx context.Context, method, path string, query url.Values, of http.Header, open func() (io.Reader, error),
) (*http.Response, error) {
	for try := 1; ; try++ {
		token, err := c.currentToken(ctx)
		if err != nil {
			return nil, err
		}
		var body io.Reader
		header := http.Header{}
		if open != nil {
			if body, err = open(); err != nil {
				return nil, err
			}
			header = of.Clone()
		}
		if token != "" {
			header.Set("Authorization", "Bearer "+token)
		}
		response, err := c.do(ctx, method, path, query, header, body)
		var problem *Problem
		if try > 1 || c.logIn == nil || !errors.As(err, &problem) || problem.Status != http.StatusUnauthorized {
			return response, err
		}
		c.forget(token)
	}
}

// do makes one call; an answer of another status than 2xx is a *Problem.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	// Joined as text: JoinPath would unescape what the caller has escaped.
	target := strings.TrimSuffix(c.base.String(), "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: make request: %w", method, path, err)
	}
	request.Header = header
	request.Header.Set("Accept", "application/json, application/problem+json, */*;q=0.5")
	if !c.untraced {
		request.Header.Set("Traceparent", traceOf(ctx).parent())
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &TransportError{Method: method, Path: path, Cause: WithoutURL(err)}
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, readProblem(method, path, response)
}

func (c *Client) currentToken(ctx context.Context) (string, error) {
	if c.logIn == nil {
		return c.bearer, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Valid() {
		return c.token.AccessToken, nil
	}
	token, err := c.logIn(ctx)
	if err != nil {
		return "", err
	}
	c.token = token
	return token.AccessToken, nil
}

// LogIn gets a fresh token. Calls log in automatically.
func (c *Client) LogIn(ctx context.Context) error {
	c.mu.Lock()
	c.token = nil
	c.mu.Unlock()
	_, err := c.currentToken(ctx)
	return err
}

// forget drops a token that the server no longer accepts, unless another call has already got a fresh one.
func (c *Client) forget(refused string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && c.token.AccessToken == refused {
		c.token = nil
	}
}

// TokenPath is where a door gives access tokens.
const TokenPath = "/oauth2/token"

// tokenProblem makes the token endpoint's refusal a *Problem; it may answer in the RFC 6749 form.
func tokenProblem(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return &TransportError{Method: http.MethodPost, Path: TokenPath, Cause: WithoutURL(err)}
	}
	response := *refused.Response
	response.Body = io.NopCloser(bytes.NewReader(refused.Body))
	problem := readProblem(http.MethodPost, TokenPath, &response)
	if refused.ErrorCode != "" && problem.Reason == "" {
		problem.Reason, problem.Detail = strings.ToUpper(refused.ErrorCode), refused.ErrorDescription
	}
	return problem
}

// WithoutURL takes the URL out of an error of net/http: it may carry a token or another secret.
func WithoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Package rest is a small client of REST doors that answer errors with problem documents (RFC 9457).
//
// A call carries a sampled traceparent (W3C Trace Context), unless it is left out, and, when the client has credentials, an OAuth2
// access token got by client credentials (RFC 6749 §4.4). Answers are read up to a limit. Redirects are never followed, so that no token
// goes where it was not meant to go, and secrets travel over https only, or over http to this machine itself.
package rest

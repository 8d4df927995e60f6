// Package rest is a small client of REST doors that answer errors with problem documents (RFC 9457).
//
// A call carries a sampled traceparent (W3C Trace Context), unless the options leave it out. If the client has credentials, it
// also carries an OAuth2 access token got by client credentials (RFC 6749 §4.4). Answers are read up to a limit. Redirects are
// never followed, so that no token reaches another server. Secrets travel only over https, or over http to this machine itself.
package rest

// Package tsp asks time-stamping authorities (시점확인, RFC 3161 with RFC 5816) for time stamps, reads what they answer, and judges
// their tokens.
//
// A token is taken only if it is one of the configured authority over the very hash, nonce and policy that were asked for.
// Nothing here looks at this machine's clock to make up for an authority that does not answer.
package tsp

package cms

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// path is a signer certificate with the period in which its chain to a pinned root holds.
type path struct {
	leaf *x509.Certificate
	// chain from the leaf to the root; nil where there is none.
	chain       []*x509.Certificate
	from, until time.Time
}

// Signer is the certificate that the message names as its signer's and carries; nothing about it is judged. The error is a Format
// failure.
func (m *Message) Signer() (*x509.Certificate, error) {
	leaf, _, failure := m.signerCertificate()
	if failure != nil {
		return nil, failure
	}
	return leaf, nil
}

// findPath finds the signer's certificate and judges its chain. A nil path means that no signer certificate was found; with a
// path there may still be failures.
func findPath(m *Message, opts VerifyOptions) (*path, []*Failure) {
	key := cacheKey{
		roots: opts.Roots, kind: opts.Kind,
		// Both parts are complete DER elements, so their concatenation is unambiguous.
		message: sha256.Sum256(slices.Concat(m.signer.sid, m.certificates)),
	}
	if found := opts.Cache.get(key, opts.At); found != nil {
		return found, nil
	}
	leaf, intermediates, failure := m.signerCertificate()
	if failure != nil {
		return nil, []*Failure{failure}
	}
	found := &path{leaf: leaf}
	failures := opts.Kind.checkUsage(leaf)
	chain, chainFailures := buildChain(leaf, intermediates, opts)
	failures = append(failures, chainFailures...)
	if len(failures) > 0 {
		return found, failures
	}
	found.chain, found.from, found.until = chain, leaf.NotBefore, leaf.NotAfter
	for _, certificate := range chain[1:] {
		if certificate.NotBefore.After(found.from) {
			found.from = certificate.NotBefore
		}
		if certificate.NotAfter.Before(found.until) {
			found.until = certificate.NotAfter
		}
	}
	opts.Cache.put(key, found)
	return found, nil
}

// signerCertificate parses the included certificates and returns the one that the signer identifier names.
func (m *Message) signerCertificate() (*x509.Certificate, *x509.CertPool, *Failure) {
	input := cryptobyte.String(m.certificates)
	others := x509.NewCertPool()
	var leaf *x509.Certificate
	for count := 0; !input.Empty(); count++ {
		var element cryptobyte.String
		if count == maxCertificates || !input.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			return nil, nil, malformed("certificates")
		}
		certificate, err := x509.ParseCertificate(element)
		if err != nil {
			return nil, nil, &Failure{Check: Format, Detail: "certificate", Cause: err}
		}
		if !m.signer.names(certificate) {
			others.AddCert(certificate)
			continue
		}
		if leaf != nil && !leaf.Equal(certificate) {
			return nil, nil, malformed("signer identifier fits two certificates")
		}
		leaf = certificate
	}
	if leaf == nil {
		return nil, nil, malformed("signer's certificate is not carried")
	}
	return leaf, others, nil
}

func (s *signerInfo) names(certificate *x509.Certificate) bool {
	if s.keyID != nil {
		return bytes.Equal(certificate.SubjectKeyId, s.keyID)
	}
	if !bytes.Equal(certificate.RawIssuer, s.issuer) {
		return false
	}
	var b cryptobyte.Builder
	b.AddASN1BigInt(certificate.SerialNumber)
	serial, err := b.Bytes()
	var input, body cryptobyte.String = serial, nil
	return err == nil && input.ReadASN1(&body, cbasn1.INTEGER) && bytes.Equal(body, s.serial)
}

// buildChain finds a path at the given time. If there is none it looks whether there was one at another moment of the signer
// certificate's life, to tell "expired" from "foreign".
func buildChain(leaf *x509.Certificate, intermediates *x509.CertPool, opts VerifyOptions) ([]*x509.Certificate, []*Failure) {
	build := func(at time.Time) ([]*x509.Certificate, error) {
		chains, err := leaf.Verify(x509.VerifyOptions{
			Roots: opts.Roots, Intermediates: intermediates, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			return nil, err
		}
		return chains[0], nil
	}
	chain, err := build(opts.At)
	if err == nil {
		for i, authority := range chain {
			if i > 0 && i < len(chain)-1 && !opts.Kind.passes(authority) {
				return nil, []*Failure{{Check: Usage, Detail: "an authority's extended key usage does not allow signing documents"}}
			}
		}
		return chain, nil
	}
	var failures []*Failure
	invalid := x509.CertificateInvalidError{}
	outside := opts.At.Before(leaf.NotBefore) || opts.At.After(leaf.NotAfter)
	if outside || (errors.As(err, &invalid) && invalid.Reason == x509.Expired) {
		failures = append(failures, &Failure{Check: Validity, Detail: "a certificate is not valid at that time", Cause: err})
	}
	middle := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	for _, moment := range []time.Time{leaf.NotBefore, middle, leaf.NotAfter} {
		if _, other := build(moment); other == nil {
			if len(failures) == 0 {
				failures = append(failures, &Failure{Check: Validity, Detail: "the chain does not hold at that time", Cause: err})
			}
			return nil, failures
		}
	}
	return nil, append(failures, &Failure{Check: Chain, Detail: "no path to a pinned root", Cause: err})
}

// cacheKey holds everything that the result for a path depends on, except the time.
type cacheKey struct {
	roots   *x509.CertPool
	kind    Kind
	message [sha256.Size]byte
}

// ChainCache remembers which signer certificates led to which roots, and between which times. A hit is used only for a time
// inside the whole path's validity, and only for exactly the same set of included certificates, so a result never depends on what
// was verified before. Only successes are kept, so strangers cannot fill it. It is safe for concurrent use, and with several sets
// of roots.
type ChainCache struct {
	mu      sync.Mutex
	size    int
	entries map[cacheKey]*list.Element
	recent  *list.List // of cacheEntry, most recently used first
}

type cacheEntry struct {
	key  cacheKey
	path *path
}

// NewChainCache keeps up to size paths (at least one), dropping the least recently used.
func NewChainCache(size int) *ChainCache {
	return &ChainCache{size: max(size, 1), entries: make(map[cacheKey]*list.Element), recent: list.New()}
}

// Len is the number of remembered paths.
func (c *ChainCache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

func (c *ChainCache) get(key cacheKey, at time.Time) *path {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return nil
	}
	found := element.Value.(cacheEntry).path
	if at.Before(found.from) || at.After(found.until) {
		return nil
	}
	c.recent.MoveToFront(element)
	return found
}

func (c *ChainCache) put(key cacheKey, found *path) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[key]; ok {
		element.Value = cacheEntry{key: key, path: found}
		c.recent.MoveToFront(element)
		return
	}
	c.entries[key] = c.recent.PushFront(cacheEntry{key: key, path: found})
	if c.recent.Len() > c.size {
		oldest := c.recent.Back()
		delete(c.entries, oldest.Value.(cacheEntry).key)
		c.recent.Remove(oldest)
	}
}

package pades

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/naru-relay/naru/pkg/cms"
)

const (
	// maxStored bounds the certificates, lists and answers of a file, maxStoredBytes what they hold unpacked.
	maxStored      = 200
	maxStoredBytes = 32 << 20
)

// store is the validation data of a file (DSS, EN 319 142-1 section 5.4.2).
type store struct {
	there        bool
	certificates []*x509.Certificate
	data         *cms.RevocationData
	err          error
}

// store reads the document's validation data as the newest revision has it.
func (h *history) store() (s store) {
	resolve := func(o any) any {
		if to, ok := o.(reference); ok {
			return h.current[int(to)]
		}
		return o
	}
	values, ok := resolve(h.catalog()["DSS"]).(dict)
	if s.there = ok; !ok {
		return s
	}
	r := &storeReader{resolve: resolve, values: values, room: maxStoredBytes}
	certificates := r.streams("Certs")
	lists, answers := r.streams("CRLs"), r.streams("OCSPs")
	if s.err = r.err; s.err != nil {
		return s
	}
	for _, der := range certificates {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			s.err = fmt.Errorf("certificate: %w", err)
			return s
		}
		s.certificates = append(s.certificates, certificate)
	}
	s.data, s.err = cms.NewRevocationData(lists, answers)
	return s
}

// storeReader reads the streams of validation data, bounded in all.
type storeReader struct {
	resolve     func(any) any
	values      dict
	count, room int
	err         error
}

func (r *storeReader) streams(key pdfName) (list [][]byte) {
	if r.values[key] == nil || r.err != nil {
		return nil
	}
	entries, ok := r.resolve(r.values[key]).(array)
	if !ok {
		r.err = errors.New("a list of validation data is none")
		return nil
	}
	for _, entry := range entries {
		one, ok := r.resolve(entry).(stream)
		if r.count++; !ok || r.count > maxStored {
			r.err = errors.New("validation data is missing, or there is too much of it")
			return nil
		}
		data, err := one.unpacked(r.room)
		if err != nil {
			r.err = err
			return nil
		}
		r.room -= len(data)
		list = append(list, data)
	}
	return list
}

// completes reports whether the validation data suffices to judge a certificate later on: its way to a root, and of each but the
// root whether it was revoked.
func (s *store) completes(leaf *x509.Certificate, roots *x509.CertPool) bool {
	between := x509.NewCertPool()
	for _, certificate := range s.certificates {
		between.AddCert(certificate)
	}
	middle := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: middle, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return false
	}
	chain := chains[0]
	for i := range len(chain) - 1 {
		if !s.data.Covers(chain[i], chain[i+1]) {
			return false
		}
	}
	return true
}

// grade says of each signature how long it can be verified.
func (v *verification) grade() {
	later, archived := false, false // a document time stamp that holds comes after; and it covers the newest validation data
	complete := v.store.data != nil
	newest := 0
	for i, r := range v.report.Revisions {
		if r.ValidationData {
			newest = i + 1
		}
	}
	for i := len(v.seals) - 1; i >= 0; i-- {
		s := v.seals[i]
		if s.Kind == KindDocumentTimeStamp {
			later, archived = later || s.stamped, archived || s.stamped && s.Revision >= newest
			continue
		}
		held := complete && len(s.signers) > 0
		for _, signer := range s.signers {
			roots := v.trust.Roots
			if signer != s.Certificate {
				roots = v.trust.TimeStamps.Roots
			}
			held = held && v.store.completes(signer, roots)
		}
		switch {
		case archived && held:
			s.Level = LevelLTA
		case (later || s.stamped) && held:
			s.Level = LevelLT
		case later || s.stamped:
			s.Level = LevelT
		default:
			s.Level = LevelB
		}
	}
}

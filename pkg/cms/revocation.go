package cms

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/naru-relay/naru/pkg/config"
)

// maxRevocationLists bounds the lists and answers carried in one SignedData.
const maxRevocationLists = 8

// oidOCSPResponse marks an OCSP answer among the revocation data of a message (RFC 5940).
var oidOCSPResponse = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 16, 2}

// Distrusted is a key that is not believed from a moment on, e.g. because it was stolen and its issuer has not revoked it yet.
type Distrusted struct {
	// SPKI is the SHA-256 digest of the subject public key info, hexadecimal.
	SPKI string `yaml:"spki"`
	// From this moment on, RFC 3339; what was signed and judged before stays good.
	From time.Time `yaml:"from"`
}

// RevocationConfig says what is known beside the messages themselves.
type RevocationConfig struct {
	// Lists are files with certificate revocation lists (CRL), DER or PEM. They are read again when they change.
	Lists      []string     `yaml:"lists"`
	Distrusted []Distrusted `yaml:"distrusted"`
}

// Validate reports every problem.
func (c RevocationConfig) Validate() error {
	var p config.Problems
	for i, d := range c.Distrusted {
		if digest, err := hex.DecodeString(d.SPKI); err != nil || len(digest) != sha256.Size {
			p.Add(fmt.Sprintf("distrusted[%d].spki", i), "must be the SHA-256 of a public key: 64 hexadecimal digits")
		}
		if d.From.IsZero() {
			p.Add(fmt.Sprintf("distrusted[%d].from", i), "must be a time, e.g. 2026-01-31T12:00:00+09:00")
		}
	}
	for i, file := range c.Lists {
		if _, err := readList(file); err != nil {
			p.Add(fmt.Sprintf("lists[%d]", i), "is no revocation list that can be read: %v", err)
		}
	}
	return p.Err()
}

// Revocations judges certificates by the configured lists and keys. It is safe for concurrent use; nil knows of none.
type Revocations struct {
	config RevocationConfig

	mu    sync.Mutex
	files map[string]listFile
}

// listFile is a list as it was read.
type listFile struct {
	size     int64
	modified time.Time
	list     *revocationList
}

// revocationList finds what a list says of a certificate without reading all of it: lists of national authorities are long, and
// every certificate of every document is looked up.
type revocationList struct {
	*x509.RevocationList
	revokedAt map[string]time.Time // by serial number, hexadecimal
}

func newRevocationList(list *x509.RevocationList) *revocationList {
	revokedAt := make(map[string]time.Time, len(list.RevokedCertificateEntries))
	for _, entry := range list.RevokedCertificateEntries {
		serial := entry.SerialNumber.Text(16)
		if first, known := revokedAt[serial]; !known || entry.RevocationTime.Before(first) {
			revokedAt[serial] = entry.RevocationTime
		}
	}
	return &revocationList{list, revokedAt}
}

// revokes reports whether the list is the issuer's and says that the certificate was revoked by then. The signature is verified
// only where it matters.
func (l *revocationList) revokes(certificate, issuer *x509.Certificate, at time.Time) bool {
	revokedAt, named := l.revokedAt[certificate.SerialNumber.Text(16)]
	return named && !revokedAt.After(at) && bytes.Equal(l.RawIssuer, certificate.RawIssuer) && l.CheckSignatureFrom(issuer) == nil
}

// NewRevocations takes a valid configuration.
func NewRevocations(c RevocationConfig) *Revocations {
	return &Revocations{config: c, files: map[string]listFile{}}
}

// lists are the configured ones as their files are now. A file that cannot be read any more leaves what was read of it before: a
// revocation is not taken back.
func (r *Revocations) lists() ([]*revocationList, error) {
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var lists []*revocationList
	for _, file := range r.config.Lists {
		known := r.files[file]
		info, err := os.Stat(file)
		if err == nil && (known.list == nil || info.Size() != known.size || !info.ModTime().Equal(known.modified)) {
			var list *revocationList
			if list, err = readList(file); err == nil {
				known = listFile{size: info.Size(), modified: info.ModTime(), list: list}
				r.files[file] = known
			}
		}
		if known.list == nil {
			return nil, fmt.Errorf("read revocation list %s: %w", file, err)
		}
		lists = append(lists, known.list)
	}
	return lists, nil
}

func readList(file string) (*revocationList, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return nil, err
	}
	return newRevocationList(list), nil
}

func (r *Revocations) distrusts(certificate *x509.Certificate, at time.Time) bool {
	if r == nil {
		return false
	}
	digest := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	spki := hex.EncodeToString(digest[:])
	for _, d := range r.config.Distrusted {
		if strings.EqualFold(d.SPKI, spki) && !at.Before(d.From) {
			return true
		}
	}
	return false
}

// revocationData is what a message carries about the revocation of its certificates.
type revocationData struct {
	lists   []*revocationList
	answers [][]byte // OCSP
}

// parseRevocationData reads the crls field of SignedData: CertificateLists, and OCSP answers in OtherRevocationInfoFormat.
func parseRevocationData(field cryptobyte.String) (data revocationData, _ *Failure) {
	for count := 0; !field.Empty(); count++ {
		if count == maxRevocationLists {
			return data, malformed("too many revocation lists")
		}
		if field.PeekASN1Tag(cbasn1.SEQUENCE) {
			var element cryptobyte.String
			if !field.ReadASN1Element(&element, cbasn1.SEQUENCE) {
				return data, malformed("revocation list")
			}
			list, err := x509.ParseRevocationList(element)
			if err != nil {
				return data, &Failure{Check: Format, Detail: "revocation list", Cause: err}
			}
			data.lists = append(data.lists, newRevocationList(list))
			continue
		}
		var other, answer cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !field.ReadASN1(&other, explicit(1)) || !other.ReadASN1ObjectIdentifier(&kind) ||
			!other.ReadASN1Element(&answer, cbasn1.SEQUENCE) || !other.Empty() || !kind.Equal(oidOCSPResponse) {
			return data, malformed("revocation data of an unknown form")
		}
		data.answers = append(data.answers, answer)
	}
	return data, nil
}

// RevocationData are revocation lists and OCSP answers that stand beside messages, e.g. in the file that they sign. It is safe
// for concurrent use; nil holds none.
type RevocationData struct{ data revocationData }

// maxBeside bounds the lists and answers that stand beside a message.
const maxBeside = 200

// NewRevocationData takes revocation lists (CRL, RFC 5280) and OCSP answers (RFC 6960), DER. Whose they are is judged where they
// are used.
func NewRevocationData(lists, answers [][]byte) (*RevocationData, error) {
	if len(lists)+len(answers) > maxBeside {
		return nil, errors.New("too many revocation lists and OCSP answers")
	}
	r := &RevocationData{}
	for _, der := range lists {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("revocation list: %w", err)
		}
		r.data.lists = append(r.data.lists, newRevocationList(list))
	}
	for _, der := range answers {
		if _, err := ocsp.ParseResponse(der, nil); err != nil {
			return nil, fmt.Errorf("OCSP answer: %w", err)
		}
		r.data.answers = append(r.data.answers, der)
	}
	return r, nil
}

// Covers reports whether something of the issuer tells of a certificate whether it was revoked, whatever it tells.
func (r *RevocationData) Covers(certificate, issuer *x509.Certificate) bool {
	if r == nil {
		return false
	}
	for _, list := range r.data.lists {
		if bytes.Equal(list.RawIssuer, certificate.RawIssuer) && list.CheckSignatureFrom(issuer) == nil {
			return true
		}
	}
	for _, raw := range r.data.answers {
		if answer, err := ocsp.ParseResponseForCert(raw, certificate, issuer); err == nil && answer.Status != ocsp.Unknown {
			return true
		}
	}
	return false
}

// with is what a message carries together with what stands beside it.
func (d revocationData) with(beside *RevocationData) revocationData {
	if beside == nil {
		return d
	}
	return revocationData{lists: slices.Concat(d.lists, beside.data.lists), answers: slices.Concat(d.answers, beside.data.answers)}
}

// checkRevocation judges every certificate of a chain below its root: nobody may have revoked or distrusted it by the time of the
// judgement. What is present or configured is used; that a list is old does not make what it says untrue.
func checkRevocation(chain []*x509.Certificate, carried revocationData, opts VerifyOptions) []*Failure {
	configured, err := opts.Revocations.lists()
	if err != nil {
		return []*Failure{{Check: Revocation, Detail: "configured revocation lists cannot be read", Cause: err}}
	}
	lists := append(configured, carried.lists...)
	for i, certificate := range chain {
		if opts.Revocations.distrusts(certificate, opts.At) {
			return []*Failure{{Check: Revocation, Detail: "a key of the path is distrusted from a moment before"}}
		}
		if i+1 == len(chain) {
			break
		}
		issuer := chain[i+1]
		revokes := func(l *revocationList) bool { return l.revokes(certificate, issuer, opts.At) }
		if slices.ContainsFunc(lists, revokes) || answered(certificate, issuer, carried.answers, opts.At) {
			return []*Failure{{Check: Revocation, Detail: "a certificate of the path was revoked before"}}
		}
	}
	return nil
}

func answered(certificate, issuer *x509.Certificate, answers [][]byte, at time.Time) bool {
	for _, raw := range answers {
		answer, err := ocsp.ParseResponseForCert(raw, certificate, issuer)
		if err == nil && answer.Status == ocsp.Revoked && !answer.RevokedAt.After(at) {
			return true
		}
	}
	return false
}

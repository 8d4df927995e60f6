package pades

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/proof"
)

// Level is how long a signature can be verified (EN 319 142-1 section 6).
type Level string

// The levels.
const (
	// LevelB: while the signer's certificate is valid.
	LevelB Level = "B-B"
	// LevelT: a time stamp proves by when it was made.
	LevelT Level = "B-T"
	// LevelLT: the file tells also whether the certificates were revoked.
	LevelLT Level = "B-LT"
	// LevelLTA: a document time stamp proves by when all of that was there.
	LevelLTA Level = "B-LTA"
)

// The kinds of signatures.
const (
	KindSignature         = "signature"
	KindDocumentTimeStamp = "document_time_stamp"
)

// Report is what a verification of a PDF found.
type Report struct {
	// Kind of what was verified: pdf.
	Kind string `json:"kind"`
	// Valid: there is a signature, and every check passed that has to, of the file and of all signatures and time stamps.
	Valid bool `json:"valid"`
	// Digest is SHA-256 of the file, lower-case hexadecimal; Size its bytes.
	Digest string `json:"digest"`
	Size   int    `json:"size"`
	// VerifiedAt is when it was verified.
	VerifiedAt time.Time `json:"verifiedAt"`
	// Permission is what the first signer allowed to be done later: 1 nothing but validation data, 2 forms and signatures, 3
	// annotations, too; 0 if that was not said.
	Permission int `json:"permission,omitempty"`
	// Signatures and document time stamps, the first one first.
	Signatures []Signature `json:"signatures"`
	// Revisions that follow the first signed one, the first one first.
	Revisions []Revision `json:"revisions,omitempty"`
	// Checks of the file.
	Checks []Check `json:"checks"`
}

// Signature is a signature or document time stamp. What it says is worth what its checks say.
type Signature struct {
	// Kind: signature, document_time_stamp.
	Kind string `json:"kind"`
	// Revision that holds it: 0 for the first signed one, else the number of the update from 1.
	Revision int `json:"revision"`
	// Covers is where the bytes that it covers end; all before are covered but its own value.
	Covers int `json:"covers"`
	// Valid: every check of it passed that has to.
	Valid bool `json:"valid"`
	// Level of a signature.
	Level Level `json:"level,omitempty"`
	// Signer is the common name of its signer's certificate, or the authority's.
	Signer string `json:"signer,omitempty"`
	// Certificate of the signer. It MUST NOT be changed.
	Certificate *x509.Certificate `json:"-"`
	// ClaimedAt is when the signer says to have signed.
	ClaimedAt *time.Time `json:"claimedAt,omitempty"`
	// ProvenAt is by when it was there at the latest: the time of a time stamp over it, or its own. It was judged as of then;
	// where it is absent, as of the time of the verification.
	ProvenAt *time.Time `json:"provenAt,omitempty"`
	Checks   []Check    `json:"checks"`
}

// Check returns one of a signature by its id; the zero Check if there is none.
func (s *Signature) Check(id string) Check { return find(s.Checks, id) }

// Check returns one of the file by its id; the zero Check if there is none.
func (r *Report) Check(id string) Check { return find(r.Checks, id) }

func find(checks []Check, id string) Check {
	if i := slices.IndexFunc(checks, func(c Check) bool { return c.ID == id }); i >= 0 {
		return checks[i]
	}
	return Check{}
}

// Failed lists the ids of the checks that failed, each once: those of the file, then of the signatures in their order.
func (r *Report) Failed() []string {
	var ids []string
	take := func(checks []Check) {
		for _, c := range checks {
			if c.Outcome == proof.NotPassed && !slices.Contains(ids, c.ID) {
				ids = append(ids, c.ID)
			}
		}
	}
	take(r.Checks)
	for _, s := range r.Signatures {
		take(s.Checks)
	}
	return ids
}

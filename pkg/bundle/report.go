package bundle

import (
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/proof"
)

// ReportFormat is the name of a report's format.
const ReportFormat = "naru-validation/1"

// Kind is what a file is.
type Kind string

// The kinds. A file that is none of these is judged as a bundle.
const (
	KindBundle       Kind = "bundle"
	KindDistribution Kind = "distribution_certificate"
	KindOriginal     Kind = "original_certificate"
	KindRegistration Kind = "registration_certificate"
	KindReceipt      Kind = "receipt"
	KindViewingLog   Kind = "viewing_log"
)

// Report is what a verification found.
type Report struct {
	Format string `json:"format"`
	// Kind of what was verified.
	Kind Kind `json:"kind"`
	// Valid: every check passed that has to.
	Valid bool `json:"valid"`
	// Digest is SHA-256 of the file, lower-case hexadecimal; Size its bytes.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// VerifiedAt is when it was verified, EvidenceAt the time as of which its signatures and certificates were judged: that of
	// the time stamp over the signature. Absent where no time stamp holds; the time of the verification was taken then.
	VerifiedAt time.Time  `json:"verifiedAt"`
	EvidenceAt *time.Time `json:"evidenceAt,omitempty"`
	// Bundle is what it says of itself; absent if that cannot be read, and for what is neither a bundle nor a distribution
	// certificate.
	Bundle *Summary `json:"bundle,omitempty"`
	// Receipt is what a receipt says of itself; absent if that cannot be read.
	Receipt *ReceiptSummary `json:"receipt,omitempty"`
	// ViewingLog is what an extract of a viewing log says of itself; absent if that cannot be read.
	ViewingLog *ViewingLogSummary `json:"viewingLog,omitempty"`
	// Checks in the order of Definitions.
	Checks []Check `json:"checks"`
}

// Summary is what a bundle, or a distribution certificate, says of itself. It is worth what the checks say.
type Summary struct {
	Serial     string     `json:"serial,omitempty"`
	Form       Form       `json:"form,omitempty"`
	EdocNum    string     `json:"edocNum"`
	CertNum    string     `json:"certNum"`
	Sender     Party      `json:"sender"`
	Recipient  Party      `json:"recipient"`
	SentAt     time.Time  `json:"sentAt"`
	ReceivedAt time.Time  `json:"receivedAt"`
	ReadAt     *time.Time `json:"readAt,omitempty"`
	// Assembler is the common name of who signed it, StampedUntil when the certificate of the newest time stamp's authority, or
	// an algorithm of it, ends: by then it has to be renewed.
	Assembler    string     `json:"assembler,omitempty"`
	StampedUntil *time.Time `json:"stampedUntil,omitempty"`
	Parts        []Part     `json:"parts,omitempty"`
	// Timeline of the evidence form.
	Timeline []Step `json:"timeline,omitempty"`
}

// Failed lists the ids of the checks that failed.
func (r *Report) Failed() []string {
	var ids []string
	for _, c := range r.Checks {
		if c.Outcome == proof.NotPassed {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Check returns one by its id; the zero Check if there is none.
func (r *Report) Check(id string) Check {
	if i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.ID == id }); i >= 0 {
		return r.Checks[i]
	}
	return Check{}
}

// findings collects what comes of the checks. A check that nothing was found about could not be made.
type findings struct {
	found map[string]Check
	// accepted are the checks that may be not checkable by the verifier's policy.
	accepted map[string]bool
}

func newFindings() *findings {
	return &findings{found: map[string]Check{}, accepted: map[string]bool{}}
}

func (f *findings) pass(id string) {
	if _, known := f.found[id]; !known {
		f.found[id] = Check{ID: id, Outcome: proof.Passed}
	}
}

// fail keeps the first failure of a check.
func (f *findings) fail(id, subject, detail string) {
	if f.found[id].ID == "" || f.found[id].Outcome != proof.NotPassed {
		f.found[id] = Check{ID: id, Outcome: proof.NotPassed, Subject: subject, Detail: detail}
	}
}

func (f *findings) notCheckable(id, detail string) {
	if f.found[id].ID == "" {
		f.found[id] = Check{ID: id, Outcome: proof.NotCheckable, Detail: detail}
	}
}

// judge passes or fails a check by an error.
func (f *findings) judge(id, subject string, err error) bool {
	if err != nil {
		f.fail(id, subject, err.Error())
		return false
	}
	f.pass(id)
	return true
}

// list gives every check of a kind, and whether all passed that have to.
func (f *findings) list(kind Kind) (checks []Check, valid bool) {
	valid = true
	for _, d := range DefinitionsOf(kind) {
		c, known := f.found[d.ID]
		if !known {
			c = Check{ID: d.ID, Outcome: proof.NotCheckable, Detail: "what it needs could not be read"}
			if d.Optional {
				c.Detail = "nothing to make it with"
			}
		}
		c.Step = d.Step
		checks = append(checks, c)
		switch c.Outcome {
		case proof.NotPassed:
			valid = false
		case proof.NotCheckable:
			valid = valid && (d.Optional || f.accepted[d.ID])
		case proof.Passed:
		}
	}
	return checks, valid
}

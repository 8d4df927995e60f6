package bundle

import (
	"fmt"

	"github.com/naru-relay/naru/pkg/logproof"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	registrationPath = "certificates/registration.p7m"
	timelinePath     = "evidence/timeline.json"
)

// Leading is what led to the certificates: what the evidence form holds beside them.
type Leading struct {
	// Registration is the registration certificate (최초등록증명서), DER.
	Registration []byte
	// Proofs are of the facts that units stated about the document, about the request for this bundle (subject: its serial), and
	// about the exchanges with the hub.
	Proofs []*platformv1.LogProof
	// Answers of the hub as they were recorded.
	Answers [][]byte
}

// AddEvidence makes a draft one of the evidence form. The timeline follows from the proofs.
func (d *Draft) AddEvidence(l Leading) error {
	steps, err := stepsOf(d.EdocNum, l.Proofs)
	if err != nil {
		return fmt.Errorf("add evidence: %w", err)
	}
	timeline, err := encodeTimeline(d.EdocNum, steps)
	if err != nil {
		return fmt.Errorf("add evidence: %w", err)
	}
	d.Form = Evidence
	d.Contents = append(d.Contents,
		Bytes(RoleRegistration, registrationPath, "application/pkcs7-mime", l.Registration),
		Bytes(RoleTimeline, timelinePath, "application/json", timeline))
	for i, answer := range l.Answers {
		d.Contents = append(d.Contents, Bytes(RoleHubAnswer, fmt.Sprintf("evidence/hub/%03d.http", i+1), "application/octet-stream", answer))
	}
	numbers := map[string]int{}
	for _, p := range l.Proofs {
		if len(p.GetFacts()) == 0 {
			continue
		}
		encoded, err := logproof.Encode(p)
		if err != nil {
			return fmt.Errorf("add evidence: %w", err)
		}
		numbers[p.GetUnit()]++
		path := fmt.Sprintf("%s%s%03d.json", journalPrefix, p.GetUnit(), numbers[p.GetUnit()])
		d.Contents = append(d.Contents, Bytes(RoleJournalProof, path, "application/json", encoded))
	}
	return nil
}

package bundle

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/proof"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// TimelineFormat is the name of the timeline's format.
	TimelineFormat = "naru-timeline/1"

	maxTimeline = 256 << 10
	maxSteps    = 1000
)

// Step is one fact about the document, as its unit stated it.
type Step struct {
	// At is when it happened, RecordedAt when the unit wrote it down, by that unit's clock.
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recordedAt"`
	// Kind of the fact, e.g. naru.delivery.v1.DocumentReceived, and its ordinal for facts that may happen more than once.
	Kind    string `json:"kind"`
	Ordinal uint32 `json:"ordinal"`
}

type wireStep struct {
	At         string `json:"at"`
	Kind       string `json:"kind"`
	Ordinal    uint32 `json:"ordinal"`
	RecordedAt string `json:"recordedAt"`
}

type wireTimeline struct {
	Format  string     `json:"format"`
	EdocNum string     `json:"edocNum"`
	Steps   []wireStep `json:"steps"`
}

// inOrder puts steps in the order of their times.
func inOrder(a, b Step) int {
	return cmp.Or(a.At.Compare(b.At), a.RecordedAt.Compare(b.RecordedAt), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Ordinal, b.Ordinal))
}

// encodeTimeline writes the one encoding of a document's steps.
func encodeTimeline(edocNum string, steps []Step) ([]byte, error) {
	w := wireTimeline{Format: TimelineFormat, EdocNum: edocNum}
	for _, step := range slices.SortedFunc(slices.Values(steps), inOrder) {
		w.Steps = append(w.Steps, wireStep{At: proof.Time(step.At), Kind: step.Kind, Ordinal: step.Ordinal, RecordedAt: proof.Time(step.RecordedAt)})
	}
	if _, err := w.steps(edocNum); err != nil {
		return nil, err
	}
	return proof.Encode(w)
}

// decodeTimeline reads what encodeTimeline writes, and nothing else.
func decodeTimeline(encoded []byte, edocNum string) ([]Step, error) {
	var w wireTimeline
	if err := proof.Decode(encoded, &w); err != nil {
		return nil, err
	}
	return w.steps(edocNum)
}

func (w wireTimeline) steps(edocNum string) ([]Step, error) {
	if w.Format != TimelineFormat || w.EdocNum != edocNum || len(w.Steps) == 0 || len(w.Steps) > maxSteps {
		return nil, errors.New("the timeline is of another format or document, or has no steps or too many")
	}
	steps := make([]Step, len(w.Steps))
	for i, written := range w.Steps {
		step := Step{Kind: written.Kind, Ordinal: written.Ordinal}
		var err error
		if step.At, err = proof.ParseTime(written.At); err != nil {
			return nil, err
		}
		if step.RecordedAt, err = proof.ParseTime(written.RecordedAt); err != nil {
			return nil, err
		}
		if steps[i] = step; i > 0 && inOrder(steps[i-1], step) >= 0 {
			return nil, errors.New("the steps of the timeline are out of order")
		}
	}
	return steps, nil
}

// stepsOf are the steps that units' proofs are about.
func stepsOf(edocNum string, proofs []*platformv1.LogProof) ([]Step, error) {
	var steps []Step
	for _, p := range proofs {
		for _, fact := range p.GetFacts() {
			header, event, err := logproof.Read(fact.GetFrame(), fact.GetEvent())
			if err != nil {
				return nil, err
			}
			if event.GetSubject() == edocNum {
				steps = append(steps, stepOf(header.Kind, header.RecordedAt, event))
			}
		}
	}
	return steps, nil
}

func stepOf(kind frame.Kind, recordedAt time.Time, event *platformv1.Event) Step {
	return Step{At: event.GetOccurredAt().AsTime(), RecordedAt: recordedAt, Kind: string(kind), Ordinal: event.GetOrdinal()}
}

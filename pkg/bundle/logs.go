package bundle

import (
	"errors"

	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/tsp"
)

// checkProofs verifies every proof: its paths, its checkpoint, and the time stamp of that, if it has one. It gives the facts.
func (v *verification) checkProofs(trusted logproof.Logs) ([]logproof.Proved, bool) {
	var facts []logproof.Proved
	ok := true
	for _, part := range v.statement.Of(RoleJournalProof) {
		proved, err := v.proof(part, trusted)
		if err != nil {
			v.fail(CheckJournal, part.Path, err.Error())
			ok = false
		}
		facts = append(facts, proved...)
	}
	if ok = ok && len(facts) > 0; ok {
		v.pass(CheckJournal)
	} else {
		v.fail(CheckJournal, "", "there is no proof in it")
	}
	return facts, ok
}

// proof verifies one proof of facts.
func (v *verification) proof(part Part, trusted logproof.Logs) ([]logproof.Proved, error) {
	file, err := logproof.Decode(v.read(part, logproof.MaxBytes))
	if err != nil {
		return nil, err
	}
	facts, err := file.Verify(trusted)
	if err != nil {
		return nil, err
	}
	latest := v.at
	if len(file.TimeStamp) > 0 {
		token, err := tsp.Judge(file.TimeStamp, file.Imprint(), v.opts.Trust.TimeStamps, v.at)
		if err != nil {
			return nil, errors.New("the time stamp of the checkpoint does not hold")
		}
		v.uses(token.Signer, token.Digest, v.at)
		latest = token.At
	}
	for _, fact := range facts {
		if fact.RecordedAt.After(latest.Add(clocksDiffer)) {
			return nil, errors.New("a fact was recorded later than its checkpoint was stamped")
		}
	}
	return facts, nil
}

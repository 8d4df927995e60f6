package bundle

import (
	"errors"
	"strings"

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
	if err := logproof.Forked(facts); err != nil {
		v.fail(CheckJournal, "", err.Error())
		ok = false
	}
	if !v.ofOneRelay(facts) {
		v.fail(CheckJournal, "", "the proofs are of logs of several relays, or of a relay that neither sender nor recipient uses")
		ok = false
	}
	if ok = ok && len(facts) > 0; ok {
		v.pass(CheckJournal)
	} else {
		v.fail(CheckJournal, "", "there is no proof in it")
	}
	return facts, ok
}

// ofOneRelay: several relays may be trusted, each for what it did itself. So all facts are those of one, and it is the relay of a
// party: its logs are named by the platform id that the circulation record has.
func (v *verification) ofOneRelay(facts []logproof.Proved) bool {
	c := v.statement.Circulation
	for _, fact := range facts {
		if fact.Relay != facts[0].Relay {
			return false
		}
		platform := fact.Relay[strings.LastIndexByte(fact.Relay, '/')+1:]
		if platform != c.Sender.PlatformID && platform != c.Recipient.PlatformID {
			return false
		}
	}
	return true
}

// proof verifies one proof of facts.
func (v *verification) proof(part Part, trusted logproof.Logs) ([]logproof.Proved, error) {
	file, err := logproof.Decode(v.read(part, logproof.MaxBytes))
	if err != nil {
		return nil, err
	}
	if !part.ofUnit(file.Unit) {
		return nil, errors.New("the proof is of another unit than the file's name says")
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
		if fact.Event.GetOccurredAt().AsTime().After(fact.RecordedAt.Add(clocksDiffer)) {
			return nil, errors.New("a fact was recorded before it happened")
		}
	}
	return facts, nil
}

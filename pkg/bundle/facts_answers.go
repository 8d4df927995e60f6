package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/logproof"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// checkAnswers holds the hub's answers to what the relay recorded of its exchanges. These are those that led to this bundle:
// named by the registration of circulation record or read time, or by the request for the certificate; what became of each of
// them has to be proved, whether or not its answer is here.
func (v *verification) checkAnswers(facts []logproof.Proved) {
	exchanges, recorded := v.exchanges(facts), map[[sha256.Size]byte]bool{}
	proved := map[string]bool{}
	for _, fact := range facts {
		if subjectOf(fact.Kind) != ofExchange {
			continue
		}
		digest, ok := v.answered(fact)
		if exchange := fact.Event.GetSubject(); ok && exchanges[exchange] {
			proved[exchange] = true
		} else {
			v.fail(CheckAnswers, "", "an exchange with the hub is about something else")
		}
		if len(digest) == sha256.Size {
			recorded[[sha256.Size]byte(digest)] = true
		}
	}
	for exchange := range exchanges {
		if !proved[exchange] {
			v.fail(CheckAnswers, "", "the relay names an exchange with the hub, and it is not proved what came of it")
		}
	}
	for _, part := range v.statement.Of(RoleHubAnswer) {
		if !recorded[v.measures[part.Path].SHA256] {
			v.fail(CheckAnswers, part.Path, "the relay recorded no such answer")
		}
	}
	v.pass(CheckAnswers)
}

// answered gives the digest of what the hub answered or pushed, as it was recorded; false for a push of another certificate.
func (v *verification) answered(fact logproof.Proved) (digest []byte, ok bool) {
	payload := fact.Event.GetPayload()
	if fact.Kind == kindPushed {
		m := &hubv1.HubPushReceived{}
		ok = proto.Unmarshal(payload, m) == nil && m.GetEdocNum() == v.statement.EdocNum && m.GetCertNum() == v.statement.CertNum && v.isDistribution(hex.EncodeToString(m.GetPdfDigest()))
		return m.GetRequestDigest(), ok
	}
	m := &hubv1.ExchangeAnswered{}
	ok = proto.Unmarshal(payload, m) == nil
	return m.GetResponseDigest(), ok
}

// exchanges with the hub that the facts about the document, and about the request for this bundle, name.
func (v *verification) exchanges(facts []logproof.Proved) map[string]bool {
	named := map[string]bool{}
	for _, fact := range facts {
		of := map[subject]string{ofDocument: v.statement.EdocNum, ofRequest: v.statement.Serial}[subjectOf(fact.Kind)]
		if of == "" || fact.Event.GetSubject() != of {
			continue
		}
		attempted := &certificatev1.CertificateAttempted{}
		if fact.Kind == kindAttempted && (proto.Unmarshal(fact.Event.GetPayload(), attempted) != nil || !v.isDistribution(attempted.GetPdfDigest())) {
			continue
		}
		if exchange := exchangeOf(fact.Kind, fact.Event.GetPayload()); exchange != "" {
			named[exchange] = true
		}
	}
	return named
}

// exchangeOf is the exchange with the hub that a fact names; empty for none.
func exchangeOf(kind frame.Kind, payload []byte) string {
	var stated interface {
		proto.Message
		GetExchange() string
	}
	switch kind {
	case kindRegistered:
		stated = &circulationv1.CirculationRegistered{}
	case kindReadRegistered:
		stated = &circulationv1.ReadTimeRegistered{}
	case kindAttempted:
		stated = &certificatev1.CertificateAttempted{}
	default:
		return ""
	}
	if proto.Unmarshal(payload, stated) != nil {
		return ""
	}
	return stated.GetExchange()
}

// Exchanges are those with the hub that proved facts name, each once: what came of each of them belongs to the evidence.
func Exchanges(proofs []*platformv1.LogProof) (ids []string, err error) {
	for _, p := range proofs {
		for _, fact := range p.GetFacts() {
			header, event, err := logproof.Read(fact.GetFrame(), fact.GetEvent())
			if err != nil {
				return nil, err
			}
			if id := exchangeOf(header.Kind, event.GetPayload()); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func (v *verification) isDistribution(digest string) bool {
	raw, err := hex.DecodeString(digest)
	measured := v.measures[DistributionPath].SHA256
	return err == nil && bytes.Equal(raw, measured[:])
}

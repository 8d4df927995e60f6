package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/logproof"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
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
		payload, subject := fact.Event.GetPayload(), fact.Event.GetSubject()
		var stated interface {
			proto.Message
			GetExchange() string
		}
		attempted := &certificatev1.CertificateAttempted{}
		switch {
		case fact.Kind == kindRegistered && subject == v.statement.EdocNum:
			stated = &circulationv1.CirculationRegistered{}
		case fact.Kind == kindReadRegistered && subject == v.statement.EdocNum:
			stated = &circulationv1.ReadTimeRegistered{}
		case fact.Kind == kindAttempted && subject == v.statement.Serial:
			stated = attempted
		default:
			continue
		}
		if proto.Unmarshal(payload, stated) == nil && stated.GetExchange() != "" && (stated != proto.Message(attempted) || v.isDistribution(attempted.GetPdfDigest())) {
			named[stated.GetExchange()] = true
		}
	}
	return named
}

func (v *verification) isDistribution(digest string) bool {
	raw, err := hex.DecodeString(digest)
	measured := v.measures[DistributionPath].SHA256
	return err == nil && bytes.Equal(raw, measured[:])
}

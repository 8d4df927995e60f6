package archive

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:archive"

func states() []proto.Message {
	return []proto.Message{
		&archivev1.DocumentDeposited{}, &archivev1.DepositFailed{},
		&archivev1.DepositAttempted{}, &archivev1.DepositDoubled{}, &archivev1.DepositRetried{}, &archivev1.DepositGivenUp{},
	}
}

// answering is a fact that answers the newest resolution of a document, without its message.
func answering(d document, by string, at time.Time) journal.Fact {
	return journal.Fact{
		Subject: d.number, Ordinal: d.ordinal, Sender: d.sender, Actor: by, OccurredAt: at, Causation: d.frame.String(), Traceparent: d.traceparent,
	}
}

// depositedFact states a deposit as the answer to the document's newest resolution.
func depositedFact(d done, by string, at time.Time) journal.Fact {
	facts := proto.CloneOf(d.facts)
	facts.RegisteredAt, facts.RegistrationCertificateDigest = timestamppb.New(d.registeredAt), d.digest
	facts.RegisteredHash = &platformv1.Digest{Algorithm: archivecert.HashAlgorithm, Value: facts.GetDocumentHash().GetValue()}
	fact := answering(d.document, by, at)
	fact.Message = &archivev1.DocumentDeposited{
		Facts: facts, DepositedAt: timestamppb.New(d.depositedAt), Archive: d.archive, ArchiveDocument: d.archiveDocument,
		ResolvedAt: timestamppb.New(d.resolvedAt), Choices: d.choices, Attempt: uint32(d.attempt), //nolint:gosec // a small count
	}
	return fact
}

func failedFact(d document, by string, at time.Time, reason string) journal.Fact {
	fact := answering(d, by, at)
	fact.Message = &archivev1.DepositFailed{Facts: d.facts, FailedAt: timestamppb.New(at), Reason: reason, ResolvedAt: timestamppb.New(d.resolvedAt)}
	return fact
}

// attempted states, for this unit alone, an attempt that deposited nothing.
func (s *service) attempted(j job, o outcome, detail string) journal.Fact {
	return s.ofAttempt(j, o, &archivev1.DepositAttempted{Archive: s.config.Archive.Name, Outcome: detail, AnswerDigest: o.receipt.answerDigest})
}

func (s *service) doubledFact(j job, o outcome, other registered) journal.Fact {
	return s.ofAttempt(j, o, &archivev1.DepositDoubled{Archive: s.config.Archive.Name, ArchiveDocument: other.document, CertificateDigest: other.digest})
}

func (s *service) ofAttempt(j job, o outcome, message proto.Message) journal.Fact {
	return journal.Fact{Subject: j.number, Ordinal: uint32(j.attempt), Sender: j.sender, Actor: actor, OccurredAt: o.at, Message: message} //nolint:gosec // attempts are few
}

// retriedFact states that an operator has a deposit tried at once.
func retriedFact(operator, number string, at time.Time) journal.Fact {
	return journal.Fact{Subject: id.New().String(), Actor: operator, OccurredAt: at, Message: &archivev1.DepositRetried{EdocNum: number}}
}

func givenUpFact(operator string, d document, at time.Time, reason string) journal.Fact {
	return journal.Fact{Subject: d.number, Sender: d.sender, Actor: operator, OccurredAt: at, Message: &archivev1.DepositGivenUp{Reason: reason}}
}
